package trust

import (
	"time"

	"github.com/tegwick/artifact-store/dag"
)

// The artifact types of what refers to an artifact to vouch for it.
const (
	SignatureArtifact   = "application/vnd.artifact-store.signature.v1"
	AttestationArtifact = "application/vnd.artifact-store.attestation.v1"
)

// ClaimType is the in-toto predicate type of a claim. Its predicate has the
// members namespace, repository, tag (optional), sequence and previous
// (optional).
const ClaimType = "https://github.com/tegwick/artifact-store/claim/v1"

// Subject is what asks to be admitted: an artifact under a name.
type Subject struct {
	Repository, Tag string // Tag is empty where it asks for none
	Manifest        dag.CID
	ArtifactType    string
	SubjectOf       *dag.Digest // digest of the manifest that it refers to, if any
}

// namespace returns the first element of the repository.
func (s Subject) namespace() string {
	return dag.Reference{Repository: s.Repository}.Namespace()
}

// refers reports whether s only vouches for another artifact. Under a tag it
// does not: who pulls the tag would take it for the thing itself.
func (s Subject) refers() bool {
	return s.SubjectOf != nil && s.Tag == "" &&
		(s.ArtifactType == SignatureArtifact || s.ArtifactType == AttestationArtifact)
}

// name is the reference that s would have.
func (s Subject) name() string {
	if s.Tag != "" {
		return s.Repository + ":" + s.Tag
	}
	return s.Repository + "@" + s.Manifest.Digest.String()
}

// StatementType says what a statement says.
type StatementType uint8

// The types of statements. No other value is one.
const (
	// Signature is over a manifest's bytes. It does not say under which name
	// they may be published, so that it admits none.
	Signature StatementType = iota + 1
	// Claim says that a manifest belongs under a name.
	Claim
	// Attestation is an in-toto statement of some other predicate type.
	Attestation
)

// String returns the type in lower case.
func (t StatementType) String() string {
	switch t {
	case Signature:
		return "signature"
	case Claim:
		return "claim"
	case Attestation:
		return "attestation"
	}
	return "unknown"
}

// Statement is what a key said of a manifest. Whoever makes one has verified
// the signature, and what the log says of it.
type Statement struct {
	Type          StatementType
	Key           KeyID
	PredicateType string     // of an attestation
	Digest        dag.Digest // of the manifest that it is about
	Repository    string     // of a claim
	Tag           string     // of a claim; empty where it is for none

	// Logged: the log of Namespace has it at Index since Time. Where it is
	// false it is being presented now.
	Logged    bool
	Namespace string
	Index     uint64
	Time      time.Time
}

// claims reports whether a claim is for the name that s asks for. A claim for
// a tag is for its repository too; one without a tag is for no tag.
func (st Statement) claims(s Subject) bool {
	return st.Repository == s.Repository && (s.Tag == "" || st.Tag == s.Tag)
}
