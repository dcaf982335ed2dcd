package store_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// room admits what is at most limit bytes at once.
func room(limit *atomic.Int64) func(*store.Options) {
	return func(o *store.Options) {
		o.Admit = func(n int64) error {
			if n > limit.Load() {
				return fault.New(fault.Full, "admit", "", "no room for %d bytes", n)
			}
			return nil
		}
	}
}

// A segment that cannot be copied whole is not begun with: on a full disk half
// of a copy would only make it fuller.
func TestCollectLeavesWhatThereIsNoRoomFor(t *testing.T) {
	var limit atomic.Int64
	limit.Store(1 << 30)
	w := newWorld(t, room(&limit))
	ctx := context.Background()
	kept := w.put("acme/kept", "v1", 1, 60, 60_000)
	w.put("acme/gone", "v1", 2, 60, 60_000)
	gone, err := w.s.Resolve(ctx, ref(t, "acme/gone:v1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.s.Remove(ctx, gone); err != nil {
		t.Fatal(err)
	}
	before, err := w.s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	limit.Store(2 << 20)
	r, err := w.s.Collect(ctx, store.CollectOptions{})
	if err != nil || r.Left != 1 || r.Needs < 60*60_000 || r.Moved != 0 || r.Dropped != 0 {
		t.Fatalf("with no room: %+v, %v", r, err)
	}
	if after, err := w.s.Stats(ctx); err != nil || after.Blocks != before.Blocks {
		t.Fatalf("%d blocks before, %d after, %v", before.Blocks, after.Blocks, err)
	}
	limit.Store(1 << 30)
	if r, err = w.s.Collect(ctx, store.CollectOptions{}); err != nil || r.Dropped < 60*60_000 {
		t.Fatalf("with room: %+v, %v", r, err)
	}
	w.has(kept)
}

// Where the disk has no room for a whole segment the one that grows is gone on
// with all the same: each opening would leave a file of its own.
func TestANearlyFullDiskKeepsItsSegment(t *testing.T) {
	var limit atomic.Int64
	limit.Store(6 << 20)
	w := newWorld(t, room(&limit))
	for i := range 6 {
		w.put("acme/small", "v1", uint64(i), 2, 1000)
		w.stop()
		w.open()
	}
	names, err := w.opt.Packs.List()
	if err != nil || len(names) != 1 {
		t.Fatalf("%d segments, want 1: %v, %v", len(names), names, err)
	}
}
