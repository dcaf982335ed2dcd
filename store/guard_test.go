package store_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// TestWhatIsNotUnderstoodKeepsEverything damages the index of a store with
// much to collect: nothing is.
func TestWhatIsNotUnderstoodKeepsEverything(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(rows map[string]string, a artifact) (change store.Batch)
	}{
		{"an artifact's row that cannot be read", func(rows map[string]string, _ artifact) (b store.Batch) {
			for k := range rows {
				if strings.HasPrefix(k, "aacme/live") {
					b.Put = append(b.Put, store.Pair{Key: []byte(k), Value: []byte("?")})
				}
			}
			return b
		}},
		{"a live chunk's place that cannot be read", func(_ map[string]string, a artifact) (b store.Batch) {
			b.Put = append(b.Put, store.Pair{Key: blockKey(a, 0), Value: []byte("?")})
			return b
		}},
		{"a live chunk that is not there", func(_ map[string]string, a artifact) (b store.Batch) {
			b.Delete = append(b.Delete, blockKey(a, 0))
			return b
		}},
		{"a manifest that is not there", func(_ map[string]string, a artifact) (b store.Batch) {
			b.Delete = append(b.Delete, blockKey(a, len(a.chunks)-1))
			return b
		}},
		{"any place that cannot be read", func(rows map[string]string, _ artifact) (b store.Batch) {
			b.Put = append(b.Put, store.Pair{Key: []byte("b\x00\x00\x00\x00" + strings.Repeat("x", 32)), Value: []byte("?")})
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, small)
			live := w.put("acme/live", "v1", 1, 9, 50_000)
			w.put("acme/dead", "v1", 2, 20, 100_000)
			w.remove("acme/dead:v1")
			change := c.damage(w.rows(), live)
			if err := w.opt.Meta.Commit(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			before := w.rows()
			if _, err := w.s.Collect(t.Context(), store.CollectOptions{Dead: 0.001}); !fault.Is(err, fault.Corrupt) {
				t.Errorf("collect: %v", err)
			}
			if !maps.Equal(before, w.rows()) {
				t.Error("the index has changed")
			}
			w.stop() // what was damaged is not for the check at the end
		})
	}
}

// blockKey is the key of a block in the index.
func blockKey(a artifact, i int) []byte {
	d := a.chunks[i].CID.Digest
	return append([]byte("b\x00\x00\x00\x00"), d[:]...)
}

// TestALeaseKeepsWhatItFoundWhereverItIs: in an old segment, in the one that
// grows, and after it moved.
func TestALeaseKeepsWhatItFoundWhereverItIs(t *testing.T) {
	w := newWorld(t, small)
	dead := store.CollectOptions{Dead: 0.001}
	a := w.put("acme/a", "v1", 1, 9, 50_000)
	w.put("acme/b", "v1", 2, 20, 100_000)
	w.remove("acme/a:v1")
	w.remove("acme/b:v1")
	l := w.s.Begin()
	if err := give(t.Context(), l, a); err != nil {
		t.Fatal(err)
	}
	fresh, err := receive(t.Context(), l, 3, 5, 50_000)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.s.Collect(t.Context(), dead); err != nil {
			t.Fatal(err)
		}
		w.has(a)
		w.has(fresh)
	}
	l.Release()
	l.Release()
	if _, err := l.Receive(t.Context(), a.chunks[0]); !fault.Is(err, fault.Conflict) {
		t.Errorf("a released lease takes a block: %v", err)
	}
	if _, err := publish(t.Context(), l, "acme/a", "", a.manifest); !fault.Is(err, fault.Conflict) {
		t.Errorf("a released lease publishes: %v", err)
	}
	if _, err := w.s.Collect(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	if n := w.gone(a); n != len(a.chunks) {
		t.Errorf("%d of %d blocks went after the lease", n, len(a.chunks))
	}
}

// TestARebuildNeedsEverySegment: what only the index knows must not be lost.
func TestARebuildNeedsEverySegment(t *testing.T) {
	dir := t.TempDir()
	fs, err := pack.OS(dir, pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, small, func(o *store.Options) { o.Packs = fs })
	w.put("acme/a", "v1", 1, 9, 50_000)
	w.stop()
	blank := filepath.Join(dir, pack.Name(99)) // what a crash leaves of a creation
	if err := os.WriteFile(blank, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.MayRebuildIndex(fs, w.opt.ID); err != nil {
		t.Fatal(err)
	}
	if err := store.MayRebuildIndex(fs, pack.StoreID{42}); !fault.Is(err, fault.Denied) || fault.HintOf(err) == "" {
		t.Errorf("another store's: %v", err)
	}
	flipByte(t, filepath.Join(dir, pack.Name(1)), 30, 1)
	if err := store.MayRebuildIndex(fs, w.opt.ID); !fault.Is(err, fault.Denied) {
		t.Errorf("a damaged header: %v", err)
	}
	flipByte(t, filepath.Join(dir, pack.Name(1)), 30, 1)

	// A file whose beginning was lost looks unborn, and is kept.
	flipByte(t, blank, 500_000, 1)
	w.opt.Meta, w.opt.Rebuild = storetest.NewMemory(), true
	w.open()
	if _, err := os.Stat(blank); err != nil {
		t.Errorf("a segment that may hold blocks went: %v", err)
	}
	if report, err := w.s.Fsck(t.Context(), nil); !fault.Is(err, fault.Corrupt) || report.Problems[0].File != pack.Name(99) {
		t.Errorf("fsck: %v: %+v", err, report)
	}
	if _, err := w.s.Collect(t.Context(), store.CollectOptions{}); err != nil {
		t.Errorf("collect: %v", err)
	}
	if err := os.Remove(blank); err != nil {
		t.Errorf("a collection removed it: %v", err)
	}
	w.stop()
}
