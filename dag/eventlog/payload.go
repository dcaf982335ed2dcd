package eventlog

import (
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Kind says what happened.
type Kind string

// The kinds of events. Those of keys, namespaces and policies are in the node's
// log, the others in the log of the repository's namespace.
const (
	ArtifactPublished Kind = "artifact.published" // an artifact became visible, under a tag where there is one
	ArtifactRemoved   Kind = "artifact.removed"   // an artifact left a repository, and its tags there with it
	TagSet            Kind = "tag.set"            // a tag names an artifact of its repository
	TagRemoved        Kind = "tag.removed"        // a tag names nothing
	SignatureAttached Kind = "signature.attached" // a signature, an artifact itself, was published for its subject
	KeyAdded          Kind = "key.added"          // an operator's public key is known here
	KeyRotated        Kind = "key.rotated"        // a key took the place of another
	KeyRevoked        Kind = "key.revoked"        // a key counts no more
	NamespaceClaimed  Kind = "namespace.claimed"  // a namespace's log began here
	PolicySet         Kind = "policy.set"         // a policy is in force
)

// Payload is what an event says, in one shape for all kinds; docs/formats.md
// tells which fields a kind must and may have. A field that is zero is absent.
type Payload struct {
	Repository   string   `cbor:"repository,omitempty"`
	Tag          string   `cbor:"tag,omitempty"`
	Manifest     *dag.CID `cbor:"manifest,omitempty"`
	Subject      []byte   `cbor:"subject,omitempty"`      // the BLAKE3 of the subject's manifest
	ArtifactType string   `cbor:"artifactType,omitempty"` // a media type

	Name     string            `cbor:"name,omitempty"`     // what the operator calls the key
	Key      string            `cbor:"key,omitempty"`      // the key's id: 64 hex digits
	PEM      string            `cbor:"pem,omitempty"`      // the public key
	Replaces string            `cbor:"replaces,omitempty"` // the id of the key before it
	Reason   string            `cbor:"reason,omitempty"`
	From     map[string]uint64 `cbor:"from,omitempty"` // namespace: how long its log was at the revocation

	Namespace string `cbor:"namespace,omitempty"`
	Origin    string `cbor:"origin,omitempty"` // of the namespace's log

	Policy []byte `cbor:"policy,omitempty"` // the whole signed envelope
	Epoch  uint64 `cbor:"epoch,omitempty"`
}

// Limits on text in a payload, in bytes.
const (
	maxName  = 255  // of a name, an artifact's type, an origin
	maxPEM   = 4096 // of a public key
	maxCause = 4096 // of a reason
)

// fields is a set of the fields of a payload.
type fields uint16

const (
	fieldRepository fields = 1 << iota
	fieldTag
	fieldManifest
	fieldSubject
	fieldArtifactType
	fieldName
	fieldKey
	fieldPEM
	fieldReplaces
	fieldReason
	fieldFrom
	fieldNamespace
	fieldOrigin
	fieldPolicy
	fieldEpoch
)

// fieldNames are those of the fields, in the order of their bits.
var fieldNames = [...]string{
	"repository", "tag", "manifest", "subject", "artifactType", "name", "key", "pem",
	"replaces", "reason", "from", "namespace", "origin", "policy", "epoch",
}

// first returns the name of the first field of a set that is not empty.
func (f fields) first() string { return fieldNames[bits.TrailingZeros16(uint16(f))] }

// shape is what a kind's payload must have, and may have beside it.
type shape struct{ must, may fields }

var shapes = map[Kind]shape{
	ArtifactPublished: {fieldRepository | fieldManifest, fieldTag | fieldSubject | fieldArtifactType},
	ArtifactRemoved:   {fieldRepository | fieldManifest, 0},
	TagSet:            {fieldRepository | fieldTag | fieldManifest, 0},
	TagRemoved:        {fieldRepository | fieldTag, 0},
	SignatureAttached: {fieldRepository | fieldManifest | fieldSubject, fieldTag | fieldArtifactType},
	KeyAdded:          {fieldName | fieldKey | fieldPEM, 0},
	KeyRotated:        {fieldName | fieldKey | fieldPEM | fieldReplaces, fieldReason},
	KeyRevoked:        {fieldKey, fieldReason | fieldFrom},
	NamespaceClaimed:  {fieldNamespace | fieldOrigin, 0},
	PolicySet:         {fieldPolicy | fieldEpoch, 0},
}

func unknownKind(op string, k Kind) error {
	err := fault.New(fault.Invalid, op, "", "an event of the unknown kind %.100q", string(k))
	return fault.Hint(err, "use a newer version of this program")
}

// has returns the fields that are not zero.
func (p *Payload) has() fields {
	var f fields
	for i, there := range [...]bool{
		p.Repository != "", p.Tag != "", p.Manifest != nil, len(p.Subject) > 0, p.ArtifactType != "",
		p.Name != "", p.Key != "", p.PEM != "", p.Replaces != "", p.Reason != "", len(p.From) > 0,
		p.Namespace != "", p.Origin != "", len(p.Policy) > 0, p.Epoch != 0,
	} {
		if there {
			f |= 1 << i
		}
	}
	return f
}

// check holds a payload to its kind: which fields it has, and what is in them.
func (p *Payload) check(op string, kind Kind) error {
	s, ok := shapes[kind]
	if !ok {
		return unknownKind(op, kind)
	}
	have := p.has()
	if lacks := s.must &^ have; lacks != 0 {
		return fault.New(fault.Invalid, op, string(kind), "it has no %s", lacks.first())
	}
	if extra := have &^ (s.must | s.may); extra != 0 {
		return fault.New(fault.Invalid, op, string(kind), "it has the field %s, which is not for this kind", extra.first())
	}
	var err error
	switch {
	case have&fieldRepository != 0:
		err = p.checkArtifact(op)
	case have&fieldKey != 0:
		err = p.checkKey(op)
	case have&fieldNamespace != 0:
		err = p.checkClaim(op)
	}
	return fault.Wrap(fault.Other, op, string(kind), err)
}

func (p *Payload) checkArtifact(op string) error {
	if err := dag.ValidateRepository(p.Repository); err != nil {
		return err
	}
	if p.Tag != "" {
		if err := dag.ValidateTag(p.Tag); err != nil {
			return err
		}
	}
	switch {
	case p.Manifest != nil && p.Manifest.Codec != dag.Cbor:
		return fault.New(fault.Invalid, op, "manifest", "the link is not to a dag-cbor block")
	case len(p.Subject) > 0 && len(p.Subject) != len(dag.Digest{}):
		return fault.New(fault.Invalid, op, "subject", "a digest of %d bytes", len(p.Subject))
	}
	return line(op, "artifactType", p.ArtifactType, maxName)
}

func (p *Payload) checkKey(op string) error {
	switch {
	case !isKeyID(p.Key):
		return fault.New(fault.Invalid, op, "key", "%.100q is not 64 lower-case hex digits", p.Key)
	case p.Replaces != "" && !isKeyID(p.Replaces):
		return fault.New(fault.Invalid, op, "replaces", "%.100q is not 64 lower-case hex digits", p.Replaces)
	case p.Replaces == p.Key:
		return fault.New(fault.Invalid, op, "replaces", "a key does not replace itself")
	case len(p.PEM) > maxPEM:
		return fault.New(fault.TooLarge, op, "pem", "it is longer than %d bytes", maxPEM)
	case len(p.Reason) > maxCause:
		return fault.New(fault.TooLarge, op, "reason", "it is longer than %d bytes", maxCause)
	}
	for namespace := range p.From {
		if err := ValidateNamespace(namespace); err != nil {
			return err
		}
	}
	return line(op, "name", p.Name, maxName)
}

func (p *Payload) checkClaim(op string) error {
	if err := ValidateNamespace(p.Namespace); err != nil {
		return err
	}
	site, found := strings.CutSuffix(p.Origin, "/"+p.Namespace)
	if !found {
		return fault.New(fault.Invalid, op, "origin", "%.300q is not that of a log of namespace %s", p.Origin, p.Namespace)
	}
	return ValidateSite(site)
}

// line accepts text that shows as one line. It is UTF-8, as all text in CBOR.
func line(op, field, s string, most int) error {
	if len(s) > most {
		return fault.New(fault.TooLarge, op, field, "it is longer than %d bytes", most)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return fault.New(fault.Invalid, op, field, "a control character is in %q", s)
		}
	}
	return nil
}

// isKeyID reports whether s is the id of a key: a SHA-256 in lower-case hex.
func isKeyID(s string) bool {
	if len(s) != hex.EncodedLen(sha256.Size) {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
