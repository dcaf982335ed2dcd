package store

import (
	"context"
	"fmt"
	"slices"

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
	// The change may come to pass after this call was given up and the lease
	// released: until then the blocks stay protected.
	if err := l.pin(op); err != nil {
		return Artifact{}, err
	}
	r := &changeRequest{
		change:  change{Op: opPublish, Repository: p.Repository, Tag: p.Tag, Manifest: &p.Manifest},
		finally: l.unpin,
	}
	if err := l.s.commit(ctx, r); err != nil {
		return Artifact{}, fault.Wrap(fault.Other, op, p.Repository, err)
	}
	return l.s.published(ctx, r.change), nil
}

// published returns the artifact that a change made visible. It was durable
// before it was looked up, and may have been changed again since.
func (s *Store) published(ctx context.Context, c change) Artifact {
	a, err := s.Resolve(ctx, dag.Reference{Repository: c.Repository, Digest: c.Manifest.Digest})
	if err == nil {
		return a
	}
	a = Artifact{Repository: c.Repository, Manifest: *c.Manifest, Published: millis(c.Time)}
	if c.Tag != "" {
		a.Tags = []string{c.Tag}
	}
	return a
}

// Tag makes repository:tag name a, which joins the repository where it is not
// in it. Errors: [fault.NotFound] where a is gone.
func (s *Store) Tag(ctx context.Context, a Artifact, repository, tag string) error {
	c := change{Op: opPublish, Repository: repository, Tag: tag, Manifest: &a.Manifest}
	if repository == a.Repository {
		c.Op = opTag
	}
	err := s.commit(ctx, &changeRequest{change: c, check: func(ctx context.Context, v *view) error {
		row, err := v.get(ctx, artifactKey(a.Repository, a.Manifest.Digest))
		if err == nil && row == nil {
			err = fault.New(fault.NotFound, "find artifact", a.Repository+"@"+a.Digest().String(), "it is no longer there")
		}
		return err
	}})
	return fault.Wrap(fault.Other, "tag", repository+":"+tag, err)
}

// Untag removes a tag. The artifact that it named stays in the repository.
// Errors: [fault.NotFound].
func (s *Store) Untag(ctx context.Context, repository, tag string) error {
	err := s.commit(ctx, &changeRequest{
		change: change{Op: opUntag, Repository: repository, Tag: tag},
		check:  s.mayRemove(repository, nil),
	})
	return fault.Wrap(fault.Other, "remove", repository+":"+tag, err)
}

// Remove takes an artifact out of its repository, with the tags that name it
// there. Its bytes go with the next [Store.Collect] unless something else
// needs them. More tags than one change can take go one by one before it.
// Errors: [fault.NotFound].
func (s *Store) Remove(ctx context.Context, a Artifact) error {
	for {
		err := s.commit(ctx, &changeRequest{
			change: change{Op: opRemove, Repository: a.Repository, Manifest: &a.Manifest},
			check:  s.mayRemove(a.Repository, &a.Manifest),
		})
		if fault.Is(err, fault.TooLarge) {
			if err = s.untagAll(ctx, a); err == nil {
				continue
			}
		}
		return fault.Wrap(fault.Other, "remove", a.Repository+"@"+a.Digest().String(), err)
	}
}

// untagAll removes the tags that name a now, many to a group.
func (s *Store) untagAll(ctx context.Context, a Artifact) error {
	v := view{meta: s.meta}
	tags, err := v.tagsOf(ctx, a.Repository, a.Manifest.Digest)
	if err != nil {
		return err
	}
	for wave := range slices.Chunk(tags, maxRound) {
		requests := make([]*changeRequest, len(wave))
		for i, tag := range wave {
			requests[i] = &changeRequest{
				change: change{Op: opUntag, Repository: a.Repository, Tag: tag},
				check:  stillNames(a, tag, s.mayRemove(a.Repository, nil)),
			}
			s.submit(requests[i])
		}
		for _, r := range requests {
			if err := r.done.wait(ctx, s.stopped); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
	}
	return nil
}

// stillNames asks next only where tag names a: it may have moved since it was
// looked up.
func stillNames(a Artifact, tag string, next func(context.Context, *view) error) func(context.Context, *view) error {
	return func(ctx context.Context, v *view) error {
		b, err := v.get(ctx, nameKey(a.Repository, a.Manifest.Digest, tag))
		if err == nil && b == nil {
			err = fault.New(fault.NotFound, "remove tag", a.Repository+":"+tag, "it names another artifact")
		}
		if err != nil {
			return err
		}
		return next(ctx, v)
	}
}

// place names a location in messages.
func place(l pack.Location) string {
	return fmt.Sprintf("%s offset %d", pack.Name(l.Segment), l.Offset)
}
