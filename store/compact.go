package store

import (
	"context"
	"errors"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// census is what a segment holds, by what has to happen to it.
type census struct {
	indexed bitmap       // slots that the index names
	blocks  []pack.Found // the blocks at those slots
	events  []pack.Found // they always live
	dead    int64        // stored bytes of indexed slots that nothing reaches
	young   bool         // something unreached is too young to go
}

// errEnd stops the reading of a segment where its row ends: behind that is
// nothing that was ever acknowledged.
var errEnd = errors.New("the end of the segment")

// census reads the contents of a segment, not its payloads.
func (c *collection) census(ctx context.Context, id uint64, row segmentRow) (*census, error) {
	n := new(census)
	if c.s.segments.isLost(id) {
		return n, c.lost(ctx, id, n)
	}
	oldest := c.s.opt.Now().Add(-c.opt.Grace)
	err := pack.Contents(c.s.opt.Packs, id, c.s.opt.ID, func(f *pack.Frame) error {
		dead := n.dead
		if err := c.frame(ctx, f, n); err != nil {
			return err
		}
		if n.dead > dead && c.opt.Grace > 0 && f.Time.After(oldest) {
			n.young = true
		}
		if last := f.Records[len(f.Records)-1]; last.Slot+1 >= row.At.Slots {
			return errEnd
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnd):
		return n, nil
	case err == nil:
		return nil, fault.New(fault.Corrupt, "read segment", pack.Name(id), "it ends before its %d records", row.At.Slots)
	}
	return nil, err
}

// frame counts the records of one frame.
func (c *collection) frame(ctx context.Context, f *pack.Frame, n *census) error {
	digests := make([]dag.Digest, len(f.Records))
	for i, r := range f.Records {
		digests[i] = r.Digest
	}
	rows, err := c.s.blockRows(ctx, digests)
	if err != nil {
		return err
	}
	for i, r := range f.Records {
		if r.Type == pack.Event {
			n.events = append(n.events, r)
		} else if string(rows[i]) == string(encodeLocation(r.Location)) {
			c.count(r, n) // else the index has it elsewhere, or not at all
		}
	}
	return nil
}

func (c *collection) count(r pack.Found, n *census) {
	n.indexed.set(r.Slot)
	n.blocks = append(n.blocks, r)
	if !c.marks.has(r.Segment, r.Slot) && r.Slot < c.started[r.Segment].At.Slots {
		n.dead += int64(r.Stored)
	}
}

// lost counts what the index says of a segment whose file is missing.
func (c *collection) lost(ctx context.Context, id uint64, n *census) error {
	return c.s.meta.Iterate(ctx, []byte(prefixBlock), nil, func(k, v []byte) error {
		d, err := blockKeyDigest(k)
		if err != nil {
			return err
		}
		loc, err := decodeLocation(v)
		if err == nil && loc.Segment == id {
			c.count(pack.Found{Location: loc, Digest: d}, n)
		}
		return err
	})
}

// compact takes the dead blocks of a segment out of the index, writes the
// others elsewhere, and removes the file. At every step what is live can be
// read: where it was until it is durable and indexed where it goes.
func (c *collection) compact(ctx context.Context, id uint64) error {
	s := c.s
	row, ok := s.segments.row(id)
	if !ok || row.State == segmentOpen && !c.opt.DryRun {
		return nil // a lease keeps it as it is
	}
	if empty(row) && !s.segments.isLost(id) {
		return c.dropEmpty(ctx, id, row)
	}
	n, err := c.census(ctx, id, row)
	if err != nil || n.young {
		return err
	}
	if c.opt.DryRun {
		c.report.Segments++
		c.report.Dropped += n.dead
		c.report.Freed += c.started[id].At.Length - (c.started[id].Bytes - n.dead)
		return nil
	}
	if live := n.live(); live > 0 {
		if err := s.opt.Admit(live); fault.Is(err, fault.Full) {
			// Half a copy would only make the disk fuller.
			c.report.Left++
			c.report.Needs = max(c.report.Needs, live)
			return nil
		} else if err != nil {
			return err
		}
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
	if err := c.move(ctx, id, n, leave.slots); err != nil {
		return err
	}
	if err := c.unlink(ctx, id, n); err != nil {
		return err
	}
	for _, b := range n.blocks {
		if leave.slots.has(b.Slot) {
			c.report.Dropped += int64(b.Stored)
		}
	}
	return nil
}

// live is how much has to be written elsewhere, in stored bytes.
func (n *census) live() int64 {
	live := -n.dead
	for _, b := range n.blocks {
		live += int64(b.Stored)
	}
	return live
}

// unlink removes the file of a segment that nothing is read from any more.
func (c *collection) unlink(ctx context.Context, id uint64, n *census) error {
	before, err := c.s.fileSize(id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	leave, err := c.s.mayUnlink(ctx, id, n.blocks)
	if err != nil {
		return err
	}
	if err := c.s.dropSegment(ctx, leave, id); err != nil {
		return err
	}
	c.report.Segments++
	c.report.Freed += before
	return nil
}

// dropEmpty removes the file of a segment that nothing was written to.
func (c *collection) dropEmpty(ctx context.Context, id uint64, row segmentRow) error {
	if c.opt.DryRun {
		return nil
	}
	leave, err := mayUnlinkEmpty(c.s.opt.Packs, id, row)
	if fault.Is(err, fault.Denied) {
		return nil // fsck names what stands there
	}
	if err != nil {
		return err
	}
	if err := c.s.dropSegment(ctx, leave, id); err != nil {
		return err
	}
	c.report.Segments++
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
