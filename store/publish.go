package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// Publication makes an artifact visible.
type Publication struct {
	Repository string
	Tag        string // may be empty
	Manifest   dag.CID
	// Subject is the digest of the manifest that the artifact refers to; nil
	// where it is no referrer.
	Subject      *dag.Digest
	ArtifactType string // may be empty
	Signature    bool   // it is a signature or an attestation of its subject
	// Revocations is [State.Revocation] when it was asked whether it may be
	// admitted: a key that is revoked meanwhile no longer speaks for it.
	Revocations uint64
}

func (p Publication) payload() (eventlog.Kind, eventlog.Payload) {
	payload := eventlog.Payload{Repository: p.Repository, Tag: p.Tag, Manifest: &p.Manifest, ArtifactType: p.ArtifactType}
	if p.Subject != nil {
		payload.Subject = p.Subject[:]
	}
	if p.Signature {
		return eventlog.SignatureAttached, payload
	}
	return eventlog.ArtifactPublished, payload
}

// Publish makes an artifact whose closure the lease received visible, all at
// once and durably on return: a crash shows it whole or not at all. A tag
// moves from the artifact that it named, which stays. What is published is what
// was admitted, under the policy that is in force then.
//
// Errors: [fault.NotFound] where a block of the closure is missing,
// [fault.Denied] where the admission is for something else, [fault.Conflict]
// where the policy has changed since, and those of [Lease.Flush].
func (l *Lease) Publish(ctx context.Context, a trust.Admission, p Publication) (Artifact, error) {
	const op = "publish"
	if err := l.check(op); err != nil {
		return Artifact{}, err
	}
	if p.Manifest.Codec != dag.Cbor {
		return Artifact{}, fault.New(fault.Invalid, op, p.Manifest.String(), "a manifest is a dag-cbor block")
	}
	if err := checkNames(p.Repository, p.Tag); err != nil {
		return Artifact{}, err
	}
	if err := l.holdAll(ctx, []dag.CID{p.Manifest}); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	if err := l.Flush(ctx); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	// The event may come to pass after this call was given up and the lease
	// released: until then the blocks stay protected.
	if err := l.pin(op); err != nil {
		return Artifact{}, err
	}
	r := &proposal{check: admitted(a, p), finally: l.unpin}
	r.kind, r.payload = p.payload()
	if err := l.s.commit(ctx, r); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	return l.s.published(ctx, r.event), nil
}

// admitted asks that a is for p, and that the policy and the keys are what they
// were when it was given.
func admitted(a trust.Admission, p Publication) func(context.Context, *view) error {
	return func(ctx context.Context, v *view) error {
		const op = "admit"
		if !a.Covers(p.Repository, p.Tag, p.Manifest) {
			return fault.New(fault.Denied, op, p.Repository, "what was admitted is not what is to be published")
		}
		epoch, err := v.number(ctx, keyEpoch)
		if err != nil {
			return err
		}
		revocation, err := v.number(ctx, keyRevocation)
		if err != nil {
			return err
		}
		if a.Epoch() != epoch || epoch > 0 && p.Revocations != revocation {
			return fault.Hint(fault.New(fault.Conflict, op, p.Repository, "the policy or its keys have changed meanwhile"), "try again")
		}
		return nil
	}
}

func checkNames(repository, tag string) error {
	if err := dag.ValidateRepository(repository); err != nil || tag == "" {
		return err
	}
	return dag.ValidateTag(tag)
}

// published returns the artifact that an event made visible. It was durable
// before it was looked up, and may have been changed again since.
func (s *Store) published(ctx context.Context, e event) Artifact {
	p := e.Payload
	a, err := s.Resolve(ctx, dag.Reference{Repository: p.Repository, Digest: p.Manifest.Digest})
	if err == nil {
		return a
	}
	a = Artifact{Repository: p.Repository, Manifest: *p.Manifest, Published: millis(e.Time), Index: e.Index, ArtifactType: p.ArtifactType}
	if p.Tag != "" {
		a.Tags = []string{p.Tag}
	}
	return a
}

// Tag makes p's name that of a, which joins p's repository where it is not in
// it. Errors: [fault.NotFound] where a is gone, and as [Lease.Publish].
func (s *Store) Tag(ctx context.Context, adm trust.Admission, a Artifact, p Publication) error {
	const op = "tag"
	if err := dag.ValidateRepository(p.Repository); err != nil {
		return err
	}
	if err := dag.ValidateTag(p.Tag); err != nil {
		return err
	}
	p.Manifest = a.Manifest
	r := &proposal{kind: eventlog.TagSet, payload: eventlog.Payload{Repository: p.Repository, Tag: p.Tag, Manifest: &a.Manifest}}
	if p.Repository != a.Repository {
		p.Subject, p.ArtifactType, p.Signature = a.Subject, a.ArtifactType, a.Signature
		r.kind, r.payload = p.payload()
	}
	may := admitted(adm, p)
	r.check = func(ctx context.Context, v *view) error {
		row, err := v.get(ctx, artifactKey(a.Repository, a.Manifest.Digest))
		if err == nil && row == nil {
			err = fault.New(fault.NotFound, "find artifact", a.Repository+"@"+a.Digest().String(), "it is no longer there")
		}
		if err != nil {
			return err
		}
		return may(ctx, v)
	}
	return fault.Wrap(fault.Other, op, p.Repository+":"+p.Tag, s.commit(ctx, r))
}
