package store

import (
	"context"
	"sync"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// appender gathers records into groups. A group goes to the writer when it is
// full or when somebody waits for it, so that whoever waits is served at once
// while the writer is idle and shares a sync with the others while it is not.
type appender struct {
	size  int              // of a group, in bytes
	free  chan *pack.Batch // buffers; taking one is the back-pressure
	ready chan *group      // from here to the writer, in order
	roll  chan chan error  // asks the writer to seal the segment that grows

	mu       sync.Mutex    // guards all below, and orders what goes to ready
	cur      *group        // being filled; nil where nothing waits
	begun    chan struct{} // closed when cur is there: the others need no buffer then
	closed   bool          // nothing is taken any more
	inflight map[blockID]inflightEntry
}

// inflightEntry is where a block stands that is not in the index yet.
type inflightEntry struct {
	group *group
	index int
}

func newAppender(size int) *appender {
	a := &appender{
		size:     size,
		free:     make(chan *pack.Batch, groupBuffers),
		ready:    make(chan *group, groupBuffers),
		roll:     make(chan chan error),
		begun:    make(chan struct{}),
		inflight: make(map[blockID]inflightEntry),
	}
	for range groupBuffers {
		a.free <- nil // made when first used: a store that only reads needs none
	}
	return a
}

// find returns the group of a block that is in flight, or nil.
func (a *appender) find(id blockID) *group {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inflight[id].group
}

// peek returns a copy of the stored bytes of a block that is in flight.
func (a *appender) peek(id blockID) (stored []byte, c pack.Compression, plain uint32, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.inflight[id]
	if !ok {
		return nil, 0, 0, false
	}
	r := e.group.entries[e.index]
	return append([]byte(nil), e.group.batch.Payload(e.index)...), r.compression, r.plain, true
}

// add puts a block's record into a group and returns the group. Where the
// block is in flight already, fresh is false and the group is that one. It
// blocks for a free buffer until ctx or the store ends.
func (a *appender) add(ctx context.Context, stopped <-chan struct{}, r pack.Record, moved *pack.Location) (g *group, fresh bool, err error) {
	id := blockID{domainPublic, r.Digest}
	for {
		if g, err = a.current(ctx, stopped); err != nil {
			return nil, false, err
		}
		a.mu.Lock()
		if e, ok := a.inflight[id]; ok && moved == nil {
			a.mu.Unlock()
			return e.group, false, nil
		}
		index, ok := a.fill(g, r)
		if ok {
			g.entries[index].moved = moved
			if moved == nil && r.Type != pack.Event {
				a.inflight[id] = inflightEntry{g, index}
			}
		}
		a.mu.Unlock()
		if ok {
			return g, true, nil
		}
	}
}

// addRound puts records and the rows that follow from them into one group, all
// of them or none, and sends it off. Rounds follow each other: a group has the
// rows of one.
func (a *appender) addRound(ctx context.Context, stopped <-chan struct{}, records []pack.Record, rows Batch) (*group, error) {
	size := 0
	for _, r := range records {
		size += len(r.Payload)
	}
	for {
		g, err := a.current(ctx, stopped)
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		if a.cur == g && !g.batch.Fits(len(records), size) && g.batch.Len() > 0 {
			a.send()
		}
		added := a.cur == g
		for _, r := range records {
			if _, ok := a.fill(g, r); !ok && added {
				added, err = false, fault.New(fault.TooLarge, "append events", "", "%d bytes do not fit a group", size)
			}
		}
		if added {
			g.views = rows
			a.send()
		}
		a.mu.Unlock()
		if added || err != nil {
			return g, err
		}
	}
}

// fill adds r to g if g is still being filled; where r does not fit, g is sent
// off. a.mu is held.
func (a *appender) fill(g *group, r pack.Record) (index int, ok bool) {
	if a.cur != g {
		return 0, false
	}
	if index, ok = g.batch.Add(r); !ok {
		a.send()
		return 0, false
	}
	g.entries = append(g.entries, groupEntry{
		id: blockID{domainPublic, r.Digest}, typ: r.Type, compression: r.Compression, plain: r.Plain,
	})
	return index, true
}

// current returns the group that is being filled, beginning one if need be.
func (a *appender) current(ctx context.Context, stopped <-chan struct{}) (*group, error) {
	for {
		a.mu.Lock()
		g, begun, closed := a.cur, a.begun, a.closed
		a.mu.Unlock()
		if closed {
			return nil, errStopped("write block")
		}
		if g != nil {
			return g, nil
		}
		select {
		case buf := <-a.free:
			a.begin(buf)
		case <-begun:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-stopped:
			return nil, errStopped("write block")
		}
	}
}

// begin makes buf the group that is being filled, unless there is one.
func (a *appender) begin(buf *pack.Batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cur != nil || a.closed {
		a.free <- buf
		return
	}
	if buf == nil {
		buf = pack.NewBatch(a.size)
	}
	buf.Reset()
	a.cur = &group{batch: buf, durable: newOutcome(), indexed: newOutcome()}
	close(a.begun)
}

// push sends g off if it is still being filled.
func (a *appender) push(g *group) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cur == g {
		a.send()
	}
}

// pushAny sends off the group that is being filled and returns it, or nil where
// nothing waits.
func (a *appender) pushAny() *group {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.cur
	if g != nil {
		a.send()
	}
	return g
}

// send hands the current group to the writer. ready has a place for every
// buffer there is, so that this never blocks. a.mu is held.
func (a *appender) send() {
	a.ready <- a.cur
	a.cur, a.begun = nil, make(chan struct{})
}

// shut refuses what comes from now on and ends the groups that were not
// written: their blocks are nowhere.
func (a *appender) shut() {
	a.mu.Lock()
	a.closed = true
	if a.cur != nil {
		a.send()
	}
	a.mu.Unlock()
	for {
		select {
		case g := <-a.ready:
			a.finish(g, errStopped("write block"))
		default:
			return
		}
	}
}

// finish ends a group: its blocks are in the index now, or nowhere.
func (a *appender) finish(g *group, err error) {
	err = fault.Wrap(fault.Other, "commit blocks", "", err)
	a.mu.Lock()
	for _, e := range g.entries {
		if a.inflight[e.id].group == g {
			delete(a.inflight, e.id)
		}
	}
	buf := g.batch
	g.batch = nil
	a.mu.Unlock()
	if !g.durable.succeeded() {
		g.durable.end(err)
	}
	g.indexed.end(err)
	a.free <- buf
}
