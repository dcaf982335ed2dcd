package store

import (
	"context"
	"fmt"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Publication makes an artifact visible.
type Publication struct {
	Repository string
	Tag        string // may be empty
	Manifest   dag.CID
}

// Publish makes an artifact whose closure the lease received visible, all at
// once and durably on return: a crash shows it whole or not at all. A tag
// moves from the artifact that it named, which stays.
//
// Errors: [fault.NotFound] where a block of the closure is missing, and those
// of [Lease.Flush].
func (l *Lease) Publish(ctx context.Context, p Publication) (Artifact, error) {
	const op = "publish"
	if err := l.check(op); err != nil {
		return Artifact{}, err
	}
	if p.Manifest.Codec != dag.Cbor {
		return Artifact{}, fault.New(fault.Invalid, op, p.Manifest.String(), "a manifest is a dag-cbor block")
	}
	if err := l.holdAll(ctx, []dag.CID{p.Manifest}); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	if err := l.Flush(ctx); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	c := change{Op: opPublish, Repository: p.Repository, Tag: p.Tag, Manifest: &p.Manifest}
	if _, err := l.s.commit(ctx, c, nil); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	return l.s.Resolve(ctx, dag.Reference{Repository: p.Repository, Digest: p.Manifest.Digest})
}

// Tag makes repository:tag name a, which joins the repository where it is not
// in it. Errors: [fault.NotFound] where a is gone.
func (s *Store) Tag(ctx context.Context, a Artifact, repository, tag string) error {
	c := change{Op: opPublish, Repository: repository, Tag: tag, Manifest: &a.Manifest}
	if repository == a.Repository {
		c.Op = opTag
	}
	_, err := s.commit(ctx, c, func(ctx context.Context, v *view) error {
		row, err := v.get(ctx, artifactKey(a.Repository, a.Manifest.Digest))
		if err == nil && row == nil {
			err = fault.New(fault.NotFound, "find artifact", a.Repository+"@"+a.Digest().String(), "it is no longer there")
		}
		return err
	})
	return fault.Wrap(fault.Other, "tag", repository+":"+tag, err)
}

// Untag removes a tag. The artifact that it named stays in the repository.
// Errors: [fault.NotFound].
func (s *Store) Untag(ctx context.Context, repository, tag string) error {
	_, err := s.commit(ctx, change{Op: opUntag, Repository: repository, Tag: tag}, s.mayRemove(repository, nil))
	return fault.Wrap(fault.Other, "remove", repository+":"+tag, err)
}

// Remove takes an artifact out of its repository, with the tags that name it
// there. Its bytes go with the next [Store.Collect] unless something else
// needs them. Errors: [fault.NotFound].
func (s *Store) Remove(ctx context.Context, a Artifact) error {
	_, err := s.commit(ctx, change{Op: opRemove, Repository: a.Repository, Manifest: &a.Manifest}, s.mayRemove(a.Repository, &a.Manifest))
	return fault.Wrap(fault.Other, "remove", a.Repository+"@"+a.Digest().String(), err)
}

// place names a location in messages.
func place(l pack.Location) string {
	return fmt.Sprintf("%s offset %d", pack.Name(l.Segment), l.Offset)
}
