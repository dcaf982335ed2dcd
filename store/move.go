package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// move writes what lives in a segment elsewhere and returns when the index
// names the new places. A block whose bytes are not what they should be stops
// it: the segment stays, for fsck to look at.
func (c *collection) move(ctx context.Context, id uint64, n *census, dropped bitmap) error {
	r, release, err := c.s.segments.acquire(id)
	if err != nil {
		return err
	}
	defer release()
	var groups []*group
	copied := func(g *group) error {
		if len(groups) > 0 && groups[len(groups)-1] == g {
			return nil
		}
		groups = append(groups, g)
		if len(groups) < groupBuffers+1 {
			return nil
		}
		oldest := groups[0]
		groups = groups[1:]
		return oldest.indexed.wait(ctx, c.s.stopped)
	}
	for i, loc := range n.places {
		if dropped.has(loc.Slot) {
			c.report.Dropped += int64(loc.Stored)
			continue
		}
		g, err := c.copyBlock(ctx, r, n.digests[i], loc)
		if err == nil {
			err = copied(g)
		}
		if err != nil {
			return err
		}
	}
	for _, loc := range n.changes {
		g, err := c.copyChange(ctx, r, loc)
		if err == nil {
			err = copied(g)
		}
		if err != nil {
			return err
		}
	}
	for _, g := range groups {
		c.s.appender.push(g)
		if err := g.indexed.wait(ctx, c.s.stopped); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) copyBlock(ctx context.Context, r *pack.Reader, d dag.Digest, loc pack.Location) (*group, error) {
	if err := c.limit.WaitN(ctx, min(int(loc.Stored), dag.MaxRaw)); err != nil {
		return nil, err
	}
	stored, err := r.ReadAt(loc, nil)
	if err != nil {
		return nil, err
	}
	plain, err := pack.Decode(stored, loc.Compression, loc.Plain, nil)
	if err != nil {
		return nil, err
	}
	if dag.Sum(plain) != d {
		return nil, fault.New(fault.Corrupt, "move block", d.String(), "%s does not hold it", place(loc))
	}
	rec := pack.Record{Type: loc.Type, Compression: loc.Compression, Plain: loc.Plain, Digest: d, Payload: stored}
	if loc.Compression == pack.None && c.opt.Compression != pack.None {
		rec.Payload, rec.Compression = pack.Encode(plain, c.opt.Compression, nil)
	}
	g, _, err := c.s.appender.add(ctx, c.s.stopped, rec, &loc)
	c.report.Moved += int64(loc.Stored)
	c.report.Freed -= int64(len(rec.Payload))
	return g, err
}

// copyChange copies a reference change. A second copy, should a crash leave
// one, has the same sequence and changes nothing.
func (c *collection) copyChange(ctx context.Context, r *pack.Reader, loc pack.Location) (*group, error) {
	stored, err := r.ReadAt(loc, nil)
	if err != nil {
		return nil, err
	}
	if _, err := decodeChange(stored); err != nil {
		return nil, err
	}
	g, _, err := c.s.appender.add(ctx, c.s.stopped, pack.Record{
		Type: pack.Reference, Plain: loc.Plain, Digest: dag.Sum(stored), Payload: stored,
	}, &loc)
	return g, err
}
