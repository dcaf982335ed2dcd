package store

import (
	"context"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// sweep compacts the segments that are dead enough.
func (c *collection) sweep(ctx context.Context) error {
	live, err := c.liveBytes(ctx)
	if err != nil {
		return err
	}
	var due []uint64
	for id, row := range c.started {
		dead := max(row.Bytes-live[id], 0)
		c.report.LiveBytes += live[id]
		c.report.DeadBytes += dead
		if dead > 0 && float64(dead) >= c.opt.Dead*float64(row.Bytes) {
			due = append(due, id)
		}
	}
	slices.Sort(due)
	if err := c.end(ctx, due); err != nil {
		return err
	}
	for i, id := range due {
		if c.opt.Progress != nil {
			c.opt.Progress(i, len(due))
		}
		if err := c.compact(ctx, id); err != nil {
			return fault.Wrap(fault.Other, "compact", pack.Name(id), err)
		}
	}
	if c.opt.Progress != nil {
		c.opt.Progress(len(due), len(due))
	}
	return nil
}

// liveBytes adds up, by segment, the stored bytes of what is marked.
func (c *collection) liveBytes(ctx context.Context) (map[uint64]int64, error) {
	live := make(map[uint64]int64)
	err := c.s.meta.Iterate(ctx, []byte(prefixBlock), nil, func(_, v []byte) error {
		loc, err := decodeLocation(v)
		if err == nil && c.marks.has(loc.Segment, loc.Slot) {
			live[loc.Segment] += int64(loc.Stored)
		}
		return err
	})
	return live, err
}

// end has the segment sealed that grows, where it is one of those to compact.
func (c *collection) end(ctx context.Context, due []uint64) error {
	if c.opt.DryRun {
		return nil
	}
	for _, id := range due {
		if row, ok := c.s.segments.row(id); ok && row.State == segmentOpen {
			return c.s.roll(ctx)
		}
	}
	return nil
}

// roll ends the segment that grows.
func (s *Store) roll(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case s.appender.roll <- done:
		return <-done
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.stopped:
		return errStopped("end segment")
	}
}

// census is what a segment holds, by what has to happen to it.
type census struct {
	indexed bitmap       // slots that the index names
	digests []dag.Digest // of the blocks at those slots
	places  []pack.Location
	changes []pack.Location // reference changes: they always live
	dead    int64           // stored bytes of indexed slots that nothing reaches
	young   bool            // something unreached is too young to go
}

// census reads the contents of a segment, not its payloads.
func (c *collection) census(ctx context.Context, id uint64) (*census, error) {
	n := new(census)
	oldest := c.s.opt.Now().Add(-c.opt.Grace)
	err := pack.Contents(c.s.opt.Packs, id, c.s.opt.ID, func(f *pack.Frame) error {
		digests := make([]dag.Digest, len(f.Records))
		for i, r := range f.Records {
			digests[i] = r.Digest
		}
		rows, err := c.s.blockRows(ctx, digests)
		if err != nil {
			return err
		}
		for i, r := range f.Records {
			if r.Type == pack.Reference {
				n.changes = append(n.changes, r.Location)
				continue
			}
			if rows[i] == nil || string(rows[i]) != string(encodeLocation(r.Location)) {
				continue // the index has it elsewhere, or not at all
			}
			n.indexed.set(r.Slot)
			n.digests = append(n.digests, r.Digest)
			n.places = append(n.places, r.Location)
			if c.marks.has(id, r.Slot) || r.Slot >= c.started[id].At.Slots {
				continue
			}
			n.dead += int64(r.Stored)
			if c.opt.Grace > 0 && f.Time.After(oldest) {
				n.young = true
			}
		}
		return nil
	})
	return n, err
}

// compact takes the dead blocks of a segment out of the index, writes the
// others elsewhere, and removes the file. At every step what is live can be
// read: where it was until it is durable and indexed where it goes.
func (c *collection) compact(ctx context.Context, id uint64) error {
	s := c.s
	n, err := c.census(ctx, id)
	if err != nil || n.young {
		return err
	}
	if c.opt.DryRun {
		c.report.Segments++
		c.report.Dropped += n.dead
		c.report.Freed += c.started[id].At.Length - (c.started[id].Bytes - n.dead)
		return nil
	}
	leave, err := s.mayForget(c, id, n.indexed)
	if fault.Is(err, fault.Locked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer s.segments.condemn(id, nil)
	if err := s.forget(ctx, leave, id, n); err != nil {
		return err
	}
	before, err := s.fileSize(id)
	if err != nil {
		return err
	}
	if err := c.move(ctx, id, n, leave.slots); err != nil {
		return err
	}
	gone, err := s.mayUnlink(ctx, id, n.digests)
	if err != nil {
		return err
	}
	if err := s.dropSegment(ctx, gone, id); err != nil {
		return err
	}
	c.report.Segments++
	c.report.Freed += before
	return nil
}

func (s *Store) fileSize(id uint64) (int64, error) {
	f, err := s.opt.Packs.Open(pack.Name(id))
	if err != nil {
		return 0, err
	}
	defer f.Close() // opened to be asked its size
	return f.Size()
}

// forget takes the blocks that p allows out of the index.
func (s *Store) forget(ctx context.Context, p permit, id uint64, n *census) error {
	if err := p.allows(actForget, id); err != nil {
		return err
	}
	var doomed []int
	for i, loc := range n.places {
		if p.slots.has(loc.Slot) {
			doomed = append(doomed, i)
		}
	}
	for part := range slices.Chunk(doomed, MaxBatchOps) {
		if err := s.forgetPart(ctx, n, part); err != nil {
			return err
		}
	}
	return nil
}

// forgetPart deletes index rows that still name the condemned places: a block
// that was received anew since has another.
func (s *Store) forgetPart(ctx context.Context, n *census, part []int) error {
	s.index.Lock()
	defer s.index.Unlock()
	digests := make([]dag.Digest, len(part))
	for i, at := range part {
		digests[i] = n.digests[at]
	}
	rows, err := s.blockRows(ctx, digests)
	if err != nil {
		return err
	}
	var b Batch
	for i, at := range part {
		if rows[i] != nil && string(rows[i]) == string(encodeLocation(n.places[at])) {
			b.Delete = append(b.Delete, blockKey(domainPublic, digests[i]))
		}
	}
	if len(b.Delete) == 0 {
		return nil
	}
	return s.meta.Commit(ctx, b)
}

// dropSegment removes a segment's file. The row goes last: a crash in between
// leaves it, and the next opening goes on from there.
func (s *Store) dropSegment(ctx context.Context, p permit, id uint64) error {
	if err := p.allows(actUnlink, id); err != nil {
		return err
	}
	row, ok := s.segments.row(id)
	if ok {
		row.State = segmentDropped
		if err := s.meta.Commit(ctx, Batch{Put: []Pair{{segmentKey(id), row.encode()}}}); err != nil {
			return err
		}
		s.segments.set(id, row)
		if err := s.segments.drain(ctx, id); err != nil {
			return err
		}
	}
	if err := s.opt.Packs.Remove(pack.Name(id)); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := s.meta.Commit(ctx, Batch{Delete: [][]byte{segmentKey(id)}}); err != nil {
		return err
	}
	s.segments.forget(id)
	return nil
}
