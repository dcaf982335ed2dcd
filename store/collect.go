package store

import (
	"context"
	"iter"
	"time"

	"golang.org/x/time/rate"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// DefaultDead is the part of a segment's bytes that must be dead before it is
// worth writing the rest elsewhere.
const DefaultDead = 0.4

// CollectOptions say how to collect. The zero value takes every dead block of
// a segment that is at least [DefaultDead] dead, at full speed.
type CollectOptions struct {
	// Grace spares what was written less than this ago, so that an
	// interrupted transfer can be taken up again.
	Grace time.Duration
	// Dead is the part of a segment that must be dead, above 0 and up to 1.
	Dead float64
	// Compression of what is moved. It costs four times everything else.
	Compression pack.Compression
	// Rate bounds what is moved, in bytes a second; 0 does not.
	Rate int64
	// DryRun reports what would be done.
	DryRun bool
	// Progress is told how many of the segments to compact are done.
	Progress func(done, total int)
}

// Collected reports what a collection did or, as a dry run, would do.
type Collected struct {
	Artifacts int64 // references that were followed
	LiveBytes int64 // stored bytes of blocks that something refers to
	DeadBytes int64 // stored bytes of the others, before the collection
	Segments  int   // segments compacted or removed
	Moved     int64 // stored bytes written elsewhere, before they were compressed again
	Dropped   int64 // stored bytes of the blocks that went
	Freed     int64 // bytes of the files that went, less what was written; negative where zstd lost
	Left      int   // segments that stay since the disk has no room to copy what lives in them
	Needs     int64 // the most bytes that one of those needs
}

// collection is one run of the collector.
type collection struct {
	s       *Store
	opt     CollectOptions
	started map[uint64]segmentRow // segments and their ends when it began
	marks   slotSet               // blocks that references reach, by place
	walked  slotSet               // those whose links were followed
	marked  bool                  // marks is whole
	limit   *rate.Limiter
	report  Collected
}

// Collect frees the space of blocks that no artifact and no lease needs. It
// runs beside reading and writing. What was written or relied on since it
// began stays.
//
// Errors: [fault.Conflict] while another collection runs; [fault.Corrupt]
// where a referred block cannot be read, since then nothing below it is known
// and nothing may go, and where a segment is damaged, which stays while the
// others are collected.
func (s *Store) Collect(ctx context.Context, opt CollectOptions) (Collected, error) {
	const op = "collect garbage"
	if !s.collecting.TryLock() {
		return Collected{}, fault.New(fault.Conflict, op, "", "another collection is running")
	}
	defer s.collecting.Unlock()
	if opt.Dead == 0 {
		opt.Dead = DefaultDead
	}
	if opt.Dead < 0 || opt.Dead > 1 {
		return Collected{}, fault.New(fault.Invalid, op, "", "the dead part must be above 0 and at most 1, not %g", opt.Dead)
	}
	c := &collection{s: s, opt: opt, marks: make(slotSet), walked: make(slotSet), limit: rate.NewLimiter(rate.Inf, 0)}
	if opt.Rate > 0 {
		c.limit = rate.NewLimiter(rate.Limit(opt.Rate), dag.MaxRaw)
	}
	defer s.leases.watch()()
	if err := c.begin(ctx); err != nil {
		return c.report, fault.Wrap(fault.Other, op, "", err)
	}
	if err := c.mark(ctx); err != nil {
		return c.report, fault.Wrap(fault.Other, op, "", err)
	}
	if err := c.sweep(ctx); err != nil {
		return c.report, fault.Wrap(fault.Other, op, "", err)
	}
	return c.report, nil
}

// begin fixes the ends of the segments: what is written beyond them is not
// looked at. What was received before is written first, so that it counts, and
// what an earlier collection could not remove goes now.
func (c *collection) begin(ctx context.Context) error {
	if g := c.s.appender.pushAny(); g != nil {
		// Whoever has blocks in the group is told whether it failed.
		if err := g.indexed.wait(ctx, c.s.stopped); err != nil && (ctx.Err() != nil || fault.Is(err, fault.Unavailable)) {
			return err
		}
	}
	c.started = make(map[uint64]segmentRow)
	for _, id := range c.s.segments.ids() {
		row, ok := c.s.segments.row(id)
		if ok && row.State == segmentDropped && !c.opt.DryRun {
			if err := c.s.finishDrop(ctx, id); err != nil {
				return err
			}
		}
		if ok && row.State != segmentDropped {
			c.started[id] = row
		}
	}
	return nil
}

// slots are those that a segment had when the collection began.
func (c *collection) slots(segment uint64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := range c.started[segment].At.Slots {
			if !yield(i) {
				return
			}
		}
	}
}

// mark finds the place of every block that a reference reaches. A block that
// is referred to and is not there, or cannot be read, ends the collection.
func (c *collection) mark(ctx context.Context) error {
	err := c.s.Artifacts(ctx, "", func(a Artifact) error {
		c.report.Artifacts++
		return c.reach(ctx, []dag.CID{a.Manifest})
	})
	if err != nil {
		return fault.Hint(err, "run: artifact fsck")
	}
	c.marked = true
	return nil
}

// reach marks blocks and all below them. A block may be reached as raw bytes
// before it is as a node, so that being marked is not yet being walked.
func (c *collection) reach(ctx context.Context, cids []dag.CID) error {
	digests := make([]dag.Digest, len(cids))
	for i, cid := range cids {
		digests[i] = cid.Digest
	}
	rows, err := c.s.blockRows(ctx, digests)
	if err != nil {
		return err
	}
	for i, cid := range cids {
		if rows[i] == nil {
			return fault.New(fault.Corrupt, "mark", cid.String(), "an artifact needs this block, and it is not in the store")
		}
		loc, err := decodeLocation(rows[i])
		if err != nil {
			return err
		}
		c.marks.add(loc.Segment, loc.Slot)
		if cid.Codec != dag.Cbor || !c.walked.add(loc.Segment, loc.Slot) {
			continue
		}
		b, err := c.s.Get(ctx, cid)
		if err != nil {
			return err
		}
		links, err := dag.Links(b)
		if err != nil {
			return err
		}
		if err := c.reach(ctx, links); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// blockRows returns the index rows of blocks, nil where there is none.
func (s *Store) blockRows(ctx context.Context, digests []dag.Digest) ([][]byte, error) {
	keys := make([][]byte, len(digests))
	for i, d := range digests {
		keys[i] = blockKey(domainPublic, d)
	}
	return s.meta.GetMany(ctx, keys)
}
