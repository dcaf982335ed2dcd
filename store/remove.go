package store

import (
	"context"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Untag removes a tag. The artifact that it named stays in the repository.
// Errors: [fault.NotFound].
func (s *Store) Untag(ctx context.Context, repository, tag string) error {
	if err := dag.ValidateRepository(repository); err != nil {
		return err
	}
	err := s.commit(ctx, &proposal{
		kind: eventlog.TagRemoved, payload: eventlog.Payload{Repository: repository, Tag: tag},
		check: s.mayRemove(repository, nil),
	})
	return fault.Wrap(fault.Other, "remove", repository+":"+tag, err)
}

// Remove takes an artifact out of its repository, with the tags that name it
// there. Its bytes go with the next [Store.Collect] unless something else
// needs them. More tags than one event can take go one by one before it.
// Errors: [fault.NotFound].
func (s *Store) Remove(ctx context.Context, a Artifact) error {
	for {
		err := s.commit(ctx, &proposal{
			kind: eventlog.ArtifactRemoved, payload: eventlog.Payload{Repository: a.Repository, Manifest: &a.Manifest},
			check: s.mayRemove(a.Repository, &a.Manifest),
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
		requests := make([]*proposal, len(wave))
		for i, tag := range wave {
			requests[i] = &proposal{
				kind: eventlog.TagRemoved, payload: eventlog.Payload{Repository: a.Repository, Tag: tag},
				check: stillNames(a, tag, s.mayRemove(a.Repository, nil)),
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
