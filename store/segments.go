package store

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// maxOpenSegments is how many segment files are kept open for reading.
const maxOpenSegments = 128

// segments knows every segment and lends out readers of them.
type segments struct {
	fs    pack.FS
	store pack.StoreID

	mu   sync.Mutex // guards all below
	all  map[uint64]*segment
	top  uint64 // the largest id that was ever used: none is used twice
	tick uint64 // counts acquisitions, to close what was not used for longest
	lent int    // readers open
	shut bool   // no reader is opened any more
}

// segment is one segment file. Its fields are guarded by segments.mu.
type segment struct {
	id  uint64
	row segmentRow

	reader  *pack.Reader // nil while closed
	used    uint64
	readers int
	drained chan struct{} // closed when readers is 0 and the segment is dropped
	lost    bool          // the file is not there, and nobody dropped it
	// condemned slots are about to lose their index entries: whoever finds one
	// there takes the block for absent. nil where none are.
	condemned bitmap
}

func newSegments(fs pack.FS, store pack.StoreID) *segments {
	return &segments{fs: fs, store: store, all: make(map[uint64]*segment)}
}

// set records the state of a segment.
func (t *segments) set(id uint64, row segmentRow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.all[id]; g != nil {
		g.row = row
		return
	}
	t.all[id] = &segment{id: id, row: row}
	t.top = max(t.top, id)
}

// row returns the state of a segment; ok is false where there is none.
func (t *segments) row(id uint64) (row segmentRow, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.all[id]; g != nil {
		return g.row, true
	}
	return segmentRow{}, false
}

// ids returns the segments, ascending.
func (t *segments) ids() []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]uint64, 0, len(t.all))
	for id := range t.all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// horizon returns the first segment that may still grow, or have blocks that
// are not indexed yet: a row says that it is ended only once all is indexed.
func (t *segments) horizon() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var first uint64
	for id, g := range t.all {
		if g.row.State == segmentOpen && (first == 0 || id < first) {
			first = id
		}
	}
	if first == 0 {
		return t.top + 1
	}
	return first
}

// open returns the segments that may grow, the newest first.
func (t *segments) open() []uint64 {
	var open []uint64
	for _, id := range slices.Backward(t.ids()) {
		if row, ok := t.row(id); ok && row.State == segmentOpen {
			open = append(open, id)
		}
	}
	return open
}

// lose notes that a segment's file is missing.
func (t *segments) lose(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.all[id]; g != nil {
		g.lost = true
	}
}

// isLost reports whether a segment's file is missing.
func (t *segments) isLost(id uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.all[id]
	return g != nil && g.lost
}

// skip sees to it that id is not used again.
func (t *segments) skip(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.top = max(t.top, id)
}

// newest reports whether no segment after id was ever used.
func (t *segments) newest(id uint64) bool { return t.next() == id+1 }

// next returns an id above all that were ever used.
func (t *segments) next() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.top + 1
}

// acquire lends out the reader of a segment until release is called.
// [fault.NotFound] means that the segment is gone: look the block up again. A
// file that is missing is [fault.Corrupt].
func (t *segments) acquire(id uint64) (r *pack.Reader, release func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.all[id]
	switch {
	case t.shut:
		return nil, nil, fault.New(fault.Unavailable, "open segment", pack.Name(id), "the store is closed")
	case g == nil || g.row.State == segmentDropped:
		return nil, nil, fault.New(fault.NotFound, "open segment", pack.Name(id), "there is no such segment")
	case g.reader == nil:
		t.shrink()
		r, err := pack.OpenReader(t.fs, id, t.store)
		if fault.Is(err, fault.NotFound) {
			return nil, nil, fault.New(fault.Corrupt, "open segment", pack.Name(id), "the file is missing")
		}
		if err != nil {
			return nil, nil, err
		}
		g.reader = r
		t.lent++
	}
	t.tick++
	g.used = t.tick
	g.readers++
	return g.reader, func() { t.release(g) }, nil
}

func (t *segments) release(g *segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g.readers--
	if g.readers == 0 && g.drained != nil {
		close(g.drained)
		g.drained = nil
	}
}

// shrink closes the reader that was not used for longest, where there are as
// many as may be and one is idle. A read-only descriptor has nothing to lose
// by failing to close.
func (t *segments) shrink() {
	if t.lent < maxOpenSegments {
		return
	}
	var oldest *segment
	for _, g := range t.all {
		if g.reader != nil && g.readers == 0 && (oldest == nil || g.used < oldest.used) {
			oldest = g
		}
	}
	if oldest != nil {
		_ = oldest.reader.Close()
		oldest.reader = nil
		t.lent--
	}
}

// condemn marks slots whose index entries are to go; nil takes the marks back.
func (t *segments) condemn(id uint64, slots bitmap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.all[id]; g != nil {
		g.condemned = slots
	}
}

// isCondemned reports whether the block at l is about to go, or has gone with
// its file: whoever has it gives it again.
func (t *segments) isCondemned(l pack.Location) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.all[l.Segment]
	return g == nil || g.lost || g.row.State == segmentDropped || g.condemned.has(l.Slot)
}

// drain waits until nobody reads the dropped segment and forgets it.
func (t *segments) drain(ctx context.Context, id uint64) error {
	t.mu.Lock()
	g := t.all[id]
	var wait chan struct{}
	if g.readers > 0 {
		g.drained = make(chan struct{})
		wait = g.drained
	}
	t.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	if g.reader != nil {
		err = g.reader.Close()
		g.reader = nil
		t.lent--
	}
	return err
}

func (t *segments) forget(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, id)
}

func (t *segments) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut = true
	var errs []error
	for _, g := range t.all {
		if g.reader != nil {
			errs = append(errs, g.reader.Close())
			g.reader = nil
			t.lent--
		}
	}
	return errors.Join(errs...)
}
