package store

import (
	"context"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// RebuildProgress is told how many of the events have been applied.
type RebuildProgress func(done, total uint64)

// Rebuild throws all views away and makes them anew from the logs. Meanwhile
// nothing is appended, collected, or read of them: that is [fault.Unavailable].
// Cut short, it is completed when the store is next opened. progress may be nil.
func (s *Store) Rebuild(ctx context.Context, progress RebuildProgress) error {
	if !s.collecting.TryLock() { // without its roots a collection would take everything
		return fault.New(fault.Conflict, "rebuild", "views", "a collection or a check is running")
	}
	defer s.collecting.Unlock()
	err := s.commit(ctx, &proposal{alone: func(inner context.Context) error {
		ctx, cancel := context.WithCancel(ctx) // ends with the store as with the caller
		defer context.AfterFunc(inner, cancel)()
		return s.rebuild(ctx, progress)
	}})
	return fault.Wrap(fault.Other, "rebuild", "views", err)
}

// settled says how often the views were rebuilt; [fault.Unavailable] while they
// are.
func (s *Store) settled() (uint64, error) {
	n := s.rebuilds.Load()
	if n%2 == 1 {
		return n, errUnsettled()
	}
	return n, nil
}

func (s *Store) rebuild(ctx context.Context, progress RebuildProgress) error {
	if progress == nil {
		progress = func(_, _ uint64) {}
	}
	logs, err := s.Logs(ctx)
	if err != nil {
		return err
	}
	if err := s.meta.Commit(ctx, Batch{Put: []Pair{{keyRebuild, present}}}); err != nil {
		return err
	}
	s.rebuilds.Add(1)
	if err := s.dropViews(ctx); err != nil {
		return err // the views stay closed until the store is opened again
	}
	var total, done uint64
	for _, l := range logs {
		total += l.Size
	}
	for _, l := range logs {
		err := s.replayLog(ctx, l, func() {
			done++
			progress(done, max(total, done))
		})
		if err != nil {
			return err
		}
	}
	if err := s.meta.Commit(ctx, Batch{Delete: [][]byte{keyRebuild}}); err != nil {
		return err
	}
	s.rebuilds.Add(1)
	return nil
}

func (s *Store) dropViews(ctx context.Context) error {
	for _, prefix := range viewPrefixes {
		for {
			var keys [][]byte
			err := s.meta.Iterate(ctx, []byte(prefix), nil, func(k, _ []byte) error {
				if len(keys) == MaxBatchOps/2 {
					return errEnough
				}
				keys = append(keys, slices.Clone(k))
				return nil
			})
			if err != nil && err != errEnough {
				return err
			}
			if len(keys) == 0 {
				break
			}
			if err := s.meta.Commit(ctx, Batch{Delete: keys}); err != nil {
				return err
			}
		}
	}
	return nil
}

// replayLog applies the events of a log, those behind a gap too.
func (s *Store) replayLog(ctx context.Context, l Log, each func()) error {
	v := blankView(s.meta)
	err := s.meta.Iterate(ctx, repositoryPrefix(prefixEntry, l.Namespace), nil, func(k, value []byte) error {
		index, err := entryKeyIndex(k)
		if err != nil {
			return err
		}
		if err := v.applyEntry(ctx, l, index, value); err != nil {
			return err
		}
		each()
		if len(v.rows) < replayRows && v.changed < 2*replayBytes {
			return nil
		}
		err = s.meta.Commit(ctx, v.all())
		v = v.after()
		return err
	})
	if err != nil {
		return err
	}
	return s.meta.Commit(ctx, v.all())
}

// seenRows is how many rows a view remembers beyond its commit.
const seenRows = 64 << 10

// after returns the view of what follows the commit of v. It remembers the rows
// that v knew, since events close to each other change the same ones.
func (v *view) after() *view {
	next := blankView(v.meta)
	if len(v.seen)+len(v.rows) <= seenRows {
		next.seen = v.seen
		maps.Copy(next.seen, v.rows)
	}
	return next
}

// applyEntry applies the event of an entry as it is kept. Behind a gap it may
// change what a lost event had made: then it changes nothing.
func (v *view) applyEntry(ctx context.Context, l Log, index uint64, value []byte) error {
	entry, err := eventlog.UnmarshalEntry(value)
	if err != nil {
		return fault.Wrap(fault.Corrupt, "replay log", l.Origin, err)
	}
	opened, err := entry.Open()
	if err != nil {
		return fault.Wrap(fault.Corrupt, "replay log", l.Origin, err)
	}
	size := v.changed
	err = apply(ctx, v, event{Namespace: l.Namespace, Index: index, Event: opened})
	if l.Broken && (fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict)) {
		err = nil
	}
	if err == nil {
		size += v.changed
		v.keep()
		v.changed = size
	}
	return err
}
