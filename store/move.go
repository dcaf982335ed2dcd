package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// mover copies the records of one segment.
type mover struct {
	c      *collection
	r      *pack.Reader
	buf    []byte   // of the record being copied
	groups []*group // written to and not known to be indexed
}

// move writes what lives in a segment elsewhere and returns when the index
// names the new places. A record whose bytes are not what they should be stops
// it: the segment stays, for fsck to look at.
func (c *collection) move(ctx context.Context, id uint64, n *census, dropped bitmap) error {
	var live []pack.Found
	for _, b := range n.blocks {
		if !dropped.has(b.Slot) {
			live = append(live, b)
		}
	}
	live = append(live, n.events...)
	if len(live) == 0 {
		return nil
	}
	r, release, err := c.s.segments.acquire(id)
	if err != nil {
		return err
	}
	defer release()
	m := mover{c: c, r: r}
	for _, rec := range live {
		if err := m.copy(ctx, rec); err != nil {
			return err
		}
	}
	for len(m.groups) > 0 {
		if err := m.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// copy writes a record elsewhere. A second copy of an event, should
// a crash leave one, has the same sequence and changes nothing.
func (m *mover) copy(ctx context.Context, b pack.Found) error {
	if err := m.c.limit.WaitN(ctx, min(int(b.Stored), dag.MaxRaw)); err != nil {
		return err
	}
	stored, err := m.r.ReadAt(b.Location, m.buf)
	if err != nil {
		return err
	}
	m.buf = stored
	plain, err := pack.Decode(stored, b.Compression, b.Plain, nil)
	if err != nil {
		return err
	}
	if dag.Sum(plain) != b.Digest {
		return fault.New(fault.Corrupt, "move block", b.Digest.String(), "%s does not hold it", place(b.Location))
	}
	rec := pack.Record{
		Type: b.Type, Compression: b.Compression, KeyID: b.KeyID, Plain: b.Plain, Digest: b.Digest, Payload: stored,
	}
	if b.Type != pack.Event && b.Compression == pack.None && m.c.opt.Compression != pack.None {
		rec.Payload, rec.Compression = pack.Encode(plain, m.c.opt.Compression, nil)
	}
	g, _, err := m.c.s.appender.add(ctx, m.c.s.stopped, rec, &b.Location)
	if err != nil {
		return err
	}
	if b.Type != pack.Event {
		m.c.report.Moved += int64(b.Stored)
		m.c.report.Freed -= int64(len(rec.Payload))
	}
	if n := len(m.groups); n > 0 && m.groups[n-1] == g {
		return nil
	}
	m.groups = append(m.groups, g)
	if len(m.groups) <= groupBuffers {
		return nil
	}
	return m.wait(ctx)
}

// wait returns when the oldest group is indexed.
func (m *mover) wait(ctx context.Context) error {
	g := m.groups[0]
	m.groups = m.groups[1:]
	m.c.s.appender.push(g)
	return g.indexed.wait(ctx, m.c.s.stopped)
}
