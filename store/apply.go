package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// apply changes the views as e says. It is the only function that makes them,
// for what happens now and for what is replayed alike. What it refuses leaves v
// as it was when it was last kept. An event that was erased changes nothing.
func apply(ctx context.Context, v *view, e event) error {
	err := applyEvent(ctx, v, e)
	if err != nil {
		v.undo()
	}
	return err
}

func applyEvent(ctx context.Context, v *view, e event) error {
	if e.Erased {
		return nil
	}
	switch e.Kind {
	case eventlog.ArtifactPublished, eventlog.SignatureAttached:
		return applyPublished(ctx, v, e)
	case eventlog.TagSet:
		return applyTagSet(ctx, v, e)
	case eventlog.TagRemoved:
		return applyTagRemoved(ctx, v, e)
	case eventlog.ArtifactRemoved:
		return applyRemoved(ctx, v, e)
	case eventlog.NamespaceClaimed:
		return v.put(claimKey(e.Payload.Namespace), claimRow{Origin: e.Payload.Origin, Index: e.Index, Time: e.Time})
	case eventlog.KeyAdded, eventlog.KeyRotated:
		return applyKeyAdded(ctx, v, e)
	case eventlog.KeyRevoked:
		return applyKeyRevoked(ctx, v, e)
	case eventlog.PolicySet:
		return applyPolicySet(ctx, v, e)
	}
	return fault.New(fault.Invalid, "apply event", string(e.Kind), "it is of a kind that this program does not know")
}

func applyPublished(ctx context.Context, v *view, e event) error {
	p := e.Payload
	key := artifactKey(p.Repository, p.Manifest.Digest)
	had, err := v.get(ctx, key)
	if err != nil {
		return err
	}
	if had == nil { // else it was published when it first was
		row := artifactRow{
			Manifest: *p.Manifest, Index: e.Index, Time: e.Time,
			Subject: p.Subject, ArtifactType: p.ArtifactType, Signature: e.Kind == eventlog.SignatureAttached,
		}
		if err := v.put(key, row); err != nil {
			return err
		}
		if subject, ok := digestOf(p.Subject); ok {
			v.set(referrerKey(p.Repository, subject, p.Manifest.Digest), present)
		}
	}
	v.set(ownerKey(p.Manifest.Digest, p.Repository), present)
	if p.Tag == "" {
		return nil
	}
	return v.setTag(ctx, e)
}

func applyTagSet(ctx context.Context, v *view, e event) error {
	p := e.Payload
	if b, err := v.get(ctx, artifactKey(p.Repository, p.Manifest.Digest)); err != nil {
		return err
	} else if b == nil {
		return fault.New(fault.NotFound, "tag", p.Repository+"@"+p.Manifest.Digest.String(), "the repository has no such artifact")
	}
	return v.setTag(ctx, e)
}

func applyTagRemoved(ctx context.Context, v *view, e event) error {
	p := e.Payload
	had, err := v.dropTag(ctx, p.Repository, p.Tag)
	if err == nil && !had {
		err = fault.New(fault.NotFound, "remove tag", p.Repository+":"+p.Tag, "there is no such tag")
	}
	return err
}

func applyRemoved(ctx context.Context, v *view, e event) error {
	p := e.Payload
	key := artifactKey(p.Repository, p.Manifest.Digest)
	var row artifactRow
	if had, err := v.load(ctx, key, &row); err != nil {
		return err
	} else if !had {
		return fault.New(fault.NotFound, "remove artifact", p.Repository+"@"+p.Manifest.Digest.String(), "the repository has no such artifact")
	}
	tags, err := v.tagsOf(ctx, p.Repository, p.Manifest.Digest)
	if err != nil {
		return err
	}
	for _, t := range tags {
		if _, err := v.dropTag(ctx, p.Repository, t); err != nil {
			return err
		}
		v.set(nameKey(p.Repository, p.Manifest.Digest, t), nil)
	}
	if subject, ok := digestOf(row.Subject); ok {
		v.set(referrerKey(p.Repository, subject, p.Manifest.Digest), nil)
	}
	v.set(key, nil)
	v.set(ownerKey(p.Manifest.Digest, p.Repository), nil)
	return nil
}

func (v *view) setTag(ctx context.Context, e event) error {
	p := e.Payload
	if _, err := v.dropTag(ctx, p.Repository, p.Tag); err != nil {
		return err
	}
	v.set(nameKey(p.Repository, p.Manifest.Digest, p.Tag), present)
	return v.put(tagKey(p.Repository, p.Tag), tagRow{Manifest: *p.Manifest, Index: e.Index, Time: e.Time})
}

// dropTag removes a tag and reports whether it was there.
func (v *view) dropTag(ctx context.Context, repository, tag string) (bool, error) {
	key := tagKey(repository, tag)
	var row tagRow
	had, err := v.load(ctx, key, &row)
	if err != nil || !had {
		return false, err
	}
	v.set(nameKey(repository, row.Manifest.Digest, tag), nil)
	v.set(key, nil)
	return true, nil
}

func digestOf(b []byte) (dag.Digest, bool) {
	if len(b) != len(dag.Digest{}) {
		return dag.Digest{}, false
	}
	return dag.Digest(b), true
}
