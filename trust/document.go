package trust

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
)

// version of the policy document that is written and read.
const version = 1

// document is a policy as it is written and signed: that of the roots, or one
// that they delegated, which then has a prefix and neither roots nor logs.
type document struct {
	Version uint64                `json:"version"`
	Epoch   uint64                `json:"epoch"`
	Expires instant               `json:"expires"`
	Prefix  string                `json:"prefix,omitempty"`
	Roots   *quorum               `json:"roots,omitempty"`
	Keys    map[KeyID]documentKey `json:"keys,omitempty"`
	Logs    map[string]string     `json:"logs,omitempty"` // origin: verifier key
	Rules   []rule                `json:"rules,omitempty"`
	Revoked []Revocation          `json:"revoked,omitempty"`

	table table // what follows from the rules
}

// documentKey is a key with what a policy says of it.
type documentKey struct {
	Name     string  `json:"name"`
	PEM      string  `json:"pem"`
	NotAfter instant `json:"notAfter,omitzero"`

	key Key
}

// quorum asks for so many of some keys.
type quorum struct {
	Threshold int     `json:"threshold"`
	Keys      []KeyID `json:"keys,omitempty"`
}

// rule says what is asked of artifacts in a namespace: repositories of which it
// is a prefix and no other rule's namespace is a longer one.
type rule struct {
	Namespace    string        `json:"namespace"`
	Publish      *quorum       `json:"publish,omitempty"` // nobody may, where it is absent
	Attestations []attestation `json:"attestations,omitempty"`
	Delegate     *delegate     `json:"delegate,omitempty"`
}

// attestation asks that an artifact has a statement of a predicate type.
type attestation struct {
	Type string `json:"type"`
	quorum
}

// delegate leaves what is beneath the prefixes to a policy of other keys.
type delegate struct {
	Prefixes []string `json:"prefixes,omitempty"`
	quorum
}

// parseDocument reads a document in any layout. Errors: [fault.Invalid] with
// what is wrong, [fault.TooLarge].
func parseDocument(op string, text []byte) (*document, error) {
	if len(text) > MaxDocument {
		return nil, fault.New(fault.TooLarge, op, "", "it is longer than %d bytes", MaxDocument)
	}
	var head struct {
		Version uint64 `json:"version"`
	}
	if json.Unmarshal(text, &head) == nil && head.Version > version {
		err := fault.New(fault.Invalid, op, "", "it is of version %d, which a newer program wrote", head.Version)
		return nil, fault.Hint(err, "upgrade this program")
	}
	d := new(document)
	if err := decodeJSON(text, d); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	if err := d.validate(op); err != nil {
		return nil, err
	}
	return d, nil
}

// parseCanonical reads a document that has to be in the one form that is
// signed.
func parseCanonical(op string, payload []byte) (*document, error) {
	d, err := parseDocument(op, payload)
	if err != nil {
		return nil, err
	}
	if again, err := d.encode(op); err != nil || !bytes.Equal(again, payload) {
		return nil, fault.New(fault.Invalid, op, "", "the document is not in its canonical form")
	}
	return d, nil
}

// encode returns the document in the form that is signed.
func (d *document) encode(op string) ([]byte, error) {
	b, err := encodeJSON(d)
	return b, fault.Wrap(fault.Invalid, op, "", err)
}

// instant is a time in UTC, to the second.
type instant struct{ time.Time }

// layoutInstant is RFC 3339 without fractions and with no other zone than UTC.
const layoutInstant = "2006-01-02T15:04:05Z"

func (t instant) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

func (t instant) String() string { return t.UTC().Format(layoutInstant) }

func (t *instant) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	at, err := time.Parse(layoutInstant, s)
	if err != nil || at.Format(layoutInstant) != s || at.IsZero() {
		return fault.New(fault.Invalid, "parse time", "", "%.50q is not in UTC to the second, as in 2027-01-01T00:00:00Z", s)
	}
	t.Time = at
	return nil
}
