package sigstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"unicode/utf8"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// payloadType is the DSSE payload type of an in-toto statement.
const payloadType = "application/vnd.in-toto+json"

// The types of statement. We write v1; cosign still writes v0.1, whose fields
// are the same.
const (
	statementV1  = "https://in-toto.io/Statement/v1"
	statementV01 = "https://in-toto.io/Statement/v0.1"
)

// InToto is an in-toto statement (in-toto attestation framework, v1): what is
// said, the predicate, about which bytes, the subjects.
type InToto struct {
	Subjects      []Subject
	PredicateType string          // a URI
	Predicate     json.RawMessage // an object, in UTF-8
}

// Subject names bytes by their digests.
type Subject struct {
	Name   string
	SHA256 []byte // 32 bytes; nil in a statement of others that has none
	BLAKE3 []byte // 32 bytes; nil where it is not given
}

// Attest signs a statement and returns a bundle with it in a DSSE envelope,
// canonical as that of [SignBlob]. Each subject needs its SHA-256. A statement
// that is not well formed is [fault.Invalid], one over [MaxStatement] or
// [MaxSubjects] is [fault.TooLarge].
func Attest(s trust.Signer, st InToto) (bundle []byte, err error) {
	const op = "attest"
	for _, subject := range st.Subjects {
		if subject.SHA256 == nil || !utf8.ValidString(subject.Name) {
			return nil, fault.New(fault.Invalid, op, "", "the subject %q has no SHA-256, or a name that is not UTF-8", subject.Name)
		}
	}
	if !utf8.ValidString(st.PredicateType) {
		return nil, fault.New(fault.Invalid, op, "", "the predicate's type %q is not UTF-8", st.PredicateType)
	}
	payload, err := st.encode(op)
	if err != nil {
		return nil, err
	}
	if _, err := decodeStatement(op, payload); err != nil {
		return nil, err
	}
	sig, err := s.Sign(dsse.PAE(payloadType, payload))
	if err != nil {
		return nil, err
	}
	return encode(op, s.Key().ID, dsseEnvelope(payload, sig))
}

// statement is a statement's JSON as we write it.
type statement struct {
	Type          string          `json:"_type"`
	Subject       []resource      `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

type resource struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

func (st InToto) encode(op string) ([]byte, error) {
	out := statement{Type: statementV1, PredicateType: st.PredicateType, Predicate: st.Predicate}
	for _, s := range st.Subjects {
		digests := map[string]string{"sha256": hex.EncodeToString(s.SHA256)}
		if s.BLAKE3 != nil {
			digests["blake3"] = hex.EncodeToString(s.BLAKE3)
		}
		out.Subject = append(out.Subject, resource{Name: s.Name, Digest: digests})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeStatement reads a statement. Fields unknown here are passed over, as
// in-toto demands, but none may stand there twice.
func decodeStatement(op string, text []byte) (*InToto, error) {
	if len(text) > MaxStatement {
		return nil, fault.New(fault.TooLarge, op, "", "a statement has at most %d bytes", MaxStatement)
	}
	if err := checkJSON(op, text, maxStatementDepth, maxStatementTokens); err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) (*InToto, error) {
		return nil, fault.New(fault.Invalid, op, "", format, args...)
	}
	var all members
	if err := json.Unmarshal(text, &all); err != nil {
		return bad("the statement is not an object")
	}
	kind, err := all.text(op, "_type")
	if err != nil {
		return nil, err
	}
	st := &InToto{Predicate: all["predicate"]}
	if st.PredicateType, err = all.text(op, "predicateType"); err != nil {
		return nil, err
	}
	uri, uriErr := url.Parse(st.PredicateType)
	switch {
	case kind != statementV1 && kind != statementV01:
		return bad("the statement's type is %.100q, not %s", kind, statementV1)
	case uriErr != nil || !uri.IsAbs() || len(st.PredicateType) > maxName:
		return bad("the predicate's type %.100q is not a URI", st.PredicateType)
	case !bytes.HasPrefix(st.Predicate, []byte("{")):
		return bad("the predicate is not an object")
	}
	st.Subjects, err = decodeSubjects(op, all["subject"])
	return st, err
}

func decodeSubjects(op string, text json.RawMessage) ([]Subject, error) {
	var all []members
	if err := json.Unmarshal(text, &all); err != nil || len(all) == 0 {
		return nil, fault.New(fault.Invalid, op, "", "the statement has no list of subjects")
	}
	if len(all) > MaxSubjects {
		return nil, fault.New(fault.TooLarge, op, "", "the statement has more than %d subjects", MaxSubjects)
	}
	out := make([]Subject, 0, len(all))
	for _, m := range all {
		name, err := m.text(op, "name")
		if err != nil {
			return nil, err
		}
		var digests members
		if err := json.Unmarshal(m["digest"], &digests); err != nil || len(digests) == 0 || len(name) > maxName {
			return nil, fault.New(fault.Invalid, op, "", "the subject %.100q has no digests, or too long a name", name)
		}
		s := Subject{Name: name}
		if s.SHA256, err = digests.digest(op, "sha256"); err != nil {
			return nil, err
		}
		if s.BLAKE3, err = digests.digest(op, "blake3"); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// digest returns a member that is 32 bytes in lower-case hex, or nil where it
// is missing.
func (m members) digest(op, name string) ([]byte, error) {
	if _, ok := m[name]; !ok {
		return nil, nil
	}
	text, err := m.text(op, name)
	if err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != 32 || hex.EncodeToString(sum) != text {
		return nil, fault.New(fault.Invalid, op, "", "the %s %.100q is not 32 bytes in lower-case hex", name, text)
	}
	return sum, nil
}

// about reports whether a subject is data: by its SHA-256, and where it has a
// BLAKE3 by that too. A subject of which only one is data's is a lie.
func (st *InToto) about(op string, data []byte) error {
	want, root := sha256.Sum256(data), dag.Sum(data)
	for _, s := range st.Subjects {
		if !bytes.Equal(s.SHA256, want[:]) {
			continue
		}
		if s.BLAKE3 != nil && !bytes.Equal(s.BLAKE3, root[:]) {
			return fault.New(fault.Corrupt, op, s.Name, "the subject's SHA-256 and BLAKE3 are not of the same bytes")
		}
		return nil
	}
	return fault.New(fault.Corrupt, op, "", "the statement is not about these bytes, of sha256:%x", want)
}
