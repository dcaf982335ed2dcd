package store

import (
	"bytes"
	"context"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// runIndexer commits index entries for groups that are durable, in the order
// in which they were written. If it fails it has to end: the entries after
// those that are missing would say that nothing is.
func (s *Store) runIndexer(ctx context.Context, jobs <-chan indexJob) error {
	var failed error
	for j := range jobs {
		err := failed
		if err == nil {
			err = s.indexOne(ctx, j)
		}
		if j.group != nil {
			s.appender.finish(j.group, err)
		}
		if j.done != nil {
			j.done <- err
		}
		if err != nil && failed == nil {
			failed = err
			s.opt.Log.Error("the index does not take what was written; stopping", "error", err)
			s.stop()
		}
	}
	return failed
}

// indexOne commits a job. Where all of it fits one transaction it takes one;
// else the entries go first, since they can be found again in the packs as
// long as the segment's row does not cover them.
func (s *Store) indexOne(ctx context.Context, j indexJob) error {
	if j.segment == 0 {
		return nil
	}
	s.index.Lock()
	defer s.index.Unlock()
	last := Batch{Put: []Pair{{segmentKey(j.segment), j.row.encode()}}}
	if j.group != nil {
		last.Put = append(last.Put, j.group.views.Put...)
		last.Delete = j.group.views.Delete
		rest, err := s.indexEntries(ctx, j.group, MaxBatchOps-len(last.Put)-len(last.Delete))
		if err != nil {
			return err
		}
		last.Put = append(last.Put, rest...)
	}
	if err := s.meta.Commit(ctx, last); err != nil {
		return fault.Wrap(fault.Other, "commit index", "", err)
	}
	s.segments.set(j.segment, j.row)
	return nil
}

// indexEntries commits where the blocks of g stand, except for up to room
// entries that it returns to be committed with the rest. Copies by compaction
// count only where the index still names the place that was copied.
func (s *Store) indexEntries(ctx context.Context, g *group, room int) ([]Pair, error) {
	for from := 0; ; {
		to := min(from+MaxBatchOps, len(g.entries))
		stale, err := s.staleMoves(ctx, g.entries[from:to])
		if err != nil {
			return nil, err
		}
		var puts []Pair
		for i, e := range g.entries[from:to] {
			if e.typ != pack.Event && !stale[i] {
				puts = append(puts, Pair{blockKey(e.id.domain, e.id.digest), encodeLocation(g.locations[from+i])})
			}
		}
		if to == len(g.entries) && len(puts) <= room {
			return puts, nil
		}
		if err := s.meta.Commit(ctx, Batch{Put: puts}); err != nil {
			return nil, fault.Wrap(fault.Other, "commit index", "", err)
		}
		if from = to; from == len(g.entries) {
			return nil, nil
		}
	}
}

// staleMoves tells by index which entries are copies of what has moved or gone
// since. s.index is held.
func (s *Store) staleMoves(ctx context.Context, entries []groupEntry) (map[int]bool, error) {
	var at []int
	var keys [][]byte
	for i, e := range entries {
		if e.moved != nil && e.typ != pack.Event {
			at = append(at, i)
			keys = append(keys, blockKey(e.id.domain, e.id.digest))
		}
	}
	if keys == nil {
		return nil, nil
	}
	rows, err := s.meta.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	stale := make(map[int]bool)
	for n, i := range at {
		if !bytes.Equal(rows[n], encodeLocation(*entries[i].moved)) {
			stale[i] = true
		}
	}
	return stale, nil
}
