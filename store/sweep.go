package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// sweep compacts the segments that are dead enough, those with the least to
// write elsewhere first: what they free serves the others. A damaged segment,
// or one that the disk has no room to copy, stays as it is and does not keep
// the others.
func (c *collection) sweep(ctx context.Context) error {
	due, err := c.due(ctx)
	if err == nil {
		err = c.end(ctx, due)
	}
	if err != nil {
		return err
	}
	var left error
	for i, id := range due {
		if c.opt.Progress != nil {
			c.opt.Progress(i, len(due))
		}
		err := fault.Wrap(fault.Other, "compact", pack.Name(id), c.compact(ctx, id))
		if err != nil {
			left = errors.Join(left, err)
		}
		if err != nil && !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Full) {
			return left
		}
	}
	if c.opt.Progress != nil {
		c.opt.Progress(len(due), len(due))
	}
	return left
}

// due returns the segments to compact. One that holds events only
// has no dead bytes, and is not due again and again.
func (c *collection) due(ctx context.Context) ([]uint64, error) {
	live, err := c.liveBytes(ctx)
	if err != nil {
		return nil, err
	}
	var due []uint64
	for id, row := range c.started {
		dead := max(row.Bytes-live[id], 0)
		c.report.LiveBytes += live[id]
		c.report.DeadBytes += dead
		worth := dead > 0 && float64(dead) >= c.opt.Dead*float64(row.Bytes)
		if worth || empty(row) || live[id] == 0 && c.s.segments.isLost(id) {
			due = append(due, id)
		}
	}
	slices.SortFunc(due, func(a, b uint64) int {
		return cmp.Or(cmp.Compare(live[a], live[b]), cmp.Compare(a, b))
	})
	return due, nil
}

// empty reports whether a segment ended before anything was written to it.
func empty(row segmentRow) bool { return row.State == segmentClosed && row.At.Slots == 0 }

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

// end has the segment sealed that grows, where it is one of those to compact
// and no lease would keep it as it is.
func (c *collection) end(ctx context.Context, due []uint64) error {
	if c.opt.DryRun {
		return nil
	}
	horizon := c.s.leases.horizon()
	for _, id := range due {
		if row, ok := c.s.segments.row(id); ok && row.State == segmentOpen && id < horizon {
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
