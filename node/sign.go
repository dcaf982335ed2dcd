package node

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// The paths of bundles in the artifacts that carry them.
const (
	pathSignature   = "signature.sigstore.json"
	pathClaim       = "claim.sigstore.json"
	pathAttestation = "attestation.sigstore.json"
)

// MaxPredicate is the longest predicate of an attestation, in bytes.
const MaxPredicate = 4 << 20

// SignRequest says what to sign, and for which name.
type SignRequest struct {
	Reference dag.Reference
	Key       SigningKey
	// Repository and Tag are the name that is claimed; with Repository "" it is
	// that of Reference.
	Repository, Tag string
}

// Signed tells what was attached to an artifact.
type Signed struct {
	Subject  Artifact
	Referrer Artifact // the signature or attestation
	Key      SigningKey
	// Name is that which was claimed; zero for an attestation.
	Name dag.Reference
}

// claim is the predicate of a claim.
type claim struct {
	Namespace  string `json:"namespace"`
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	// Sequence is the index of the artifact's publication in its namespace's
	// log; where it is signed before that, how long the log was.
	Sequence uint64 `json:"sequence"`
	// Previous is the digest of what the tag named before.
	Previous string `json:"previous,omitempty"`
}

// Sign signs the exact bytes of an artifact's manifest, and claims a name for
// it, and publishes both as one artifact that refers to it, in its repository.
// The same signature is attached once. Errors: [fault.NotFound], and those of
// [store.Lease.Publish].
func (n *Node) Sign(ctx context.Context, req SignRequest) (Signed, error) {
	const op = "sign"
	a, block, err := n.toVouchFor(ctx, op, req.Reference)
	if err != nil {
		return Signed{}, err
	}
	name := dag.Reference{Repository: req.Repository, Tag: req.Tag}
	if req.Repository == "" {
		name = dag.Reference{Repository: a.Repository, Tag: req.Reference.Tag}
	}
	if err := checkName(name.Repository, name.Tag); err != nil {
		return Signed{}, err
	}
	referrer, err := n.vouch(ctx, req.Key, a, block, name)
	return Signed{Subject: a, Referrer: referrer, Key: req.Key, Name: name}, fault.Wrap(fault.Other, op, req.Reference.String(), err)
}

// vouch signs manifest block of a, and claims name for it.
func (n *Node) vouch(ctx context.Context, key SigningKey, a Artifact, block dag.Block, name dag.Reference) (Artifact, error) {
	c := claim{Namespace: name.Namespace(), Repository: name.Repository, Tag: name.Tag, Sequence: a.Index}
	var err error
	if name.Tag != "" {
		if c.Previous, err = n.previous(ctx, name, a.Digest()); err != nil {
			return Artifact{}, err
		}
	}
	predicate, err := json.Marshal(c)
	if err != nil {
		return Artifact{}, fault.Wrap(fault.Invalid, "claim", name.String(), err)
	}
	signature, err := sigstore.SignBlob(key.signer, block.Data)
	if err != nil {
		return Artifact{}, err
	}
	claimed, err := sigstore.Attest(key.signer, statement(name, block, trust.ClaimType, predicate))
	if err != nil {
		return Artifact{}, err
	}
	return n.attach(ctx, a, block, trust.SignatureArtifact, []bundle{{pathClaim, claimed}, {pathSignature, signature}})
}

// AttestRequest says what to state about an artifact.
type AttestRequest struct {
	Reference dag.Reference
	Key       SigningKey
	Type      string // of the predicate, a URI
	Predicate []byte // a JSON object
}

// Attest signs an in-toto statement about an artifact, and publishes it as an
// artifact that refers to it, in its repository. The same statement is attached
// once. Errors: [fault.NotFound]; [fault.Invalid] where the predicate is no JSON
// object or its type no URI; [fault.TooLarge] over [MaxPredicate]; and those of
// [store.Lease.Publish].
func (n *Node) Attest(ctx context.Context, req AttestRequest) (Signed, error) {
	const op = "attest"
	switch {
	case len(req.Predicate) > MaxPredicate:
		return Signed{}, fault.New(fault.TooLarge, op, req.Reference.String(), "the predicate has more than %d bytes", MaxPredicate)
	case !json.Valid(req.Predicate):
		return Signed{}, fault.New(fault.Invalid, op, req.Reference.String(), "the predicate is not JSON")
	case req.Type == trust.ClaimType:
		err := fault.New(fault.Invalid, op, req.Reference.String(), "a claim is not an attestation")
		return Signed{}, fault.Hint(err, "claim a name with: artifact sign %s --as REPO:TAG", req.Reference)
	}
	a, block, err := n.toVouchFor(ctx, op, req.Reference)
	if err != nil {
		return Signed{}, err
	}
	name := dag.Reference{Repository: a.Repository, Tag: req.Reference.Tag}
	if name.Tag == "" {
		name.Digest = a.Digest()
	}
	data, err := sigstore.Attest(req.Key.signer, statement(name, block, req.Type, req.Predicate))
	if err != nil {
		return Signed{}, err
	}
	referrer, err := n.attach(ctx, a, block, trust.AttestationArtifact, []bundle{{pathAttestation, data}})
	return Signed{Subject: a, Referrer: referrer, Key: req.Key}, fault.Wrap(fault.Other, op, req.Reference.String(), err)
}

// toVouchFor reads the manifest of what is to be signed.
func (n *Node) toVouchFor(ctx context.Context, op string, r dag.Reference) (Artifact, dag.Block, error) {
	a, err := n.resolve(ctx, r)
	if err != nil {
		return a, dag.Block{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	block, err := n.store.Get(ctx, a.Manifest)
	return a, block, fault.Wrap(fault.Other, op, r.String(), damaged(err))
}

// statement says a predicate of a manifest, which it names as a reader would.
func statement(name dag.Reference, block dag.Block, predicateType string, predicate []byte) sigstore.InToto {
	sum := sha256.Sum256(block.Data)
	subject := sigstore.Subject{SHA256: sum[:], BLAKE3: block.CID.Digest[:]}
	subject.Name = name.Repository
	if name.Tag != "" || name.Digest != (dag.Digest{}) {
		subject.Name = name.String()
	}
	return sigstore.InToto{Subjects: []sigstore.Subject{subject}, PredicateType: predicateType, Predicate: predicate}
}
