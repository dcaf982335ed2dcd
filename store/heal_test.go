package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// A block that rotted is healed by putting its content again: an index that is
// built anew does not name it, so that it is stored once more, and collection
// takes the bad copy away.
func TestRottenBlockIsHealedByPuttingItAgain(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a := w.put("acme/report", "v1", 1, 40, 60_000)
	rotten := a.chunks[20]
	w.stop()
	flip(t, w.opt.Packs, rotten)

	w.open()
	if _, err := w.s.Get(ctx, rotten.CID); !fault.Is(err, fault.Corrupt) {
		t.Fatalf("a rotten block: %v", err)
	}
	w.stop()
	w.opt.Meta, w.opt.Rebuild = storetest.NewMemory(), true
	w.open()
	w.put("acme/report", "v1", 1, 40, 60_000)
	w.has(a)
	if _, err := w.s.Collect(ctx, store.CollectOptions{Dead: 1e-9}); err != nil {
		t.Fatal(err)
	}
	w.has(a) // and fsck is clean, when the test ends
}

// flip changes a byte in the middle of a block where its segment has it.
func flip(t *testing.T, fs pack.FS, b dag.Block) {
	t.Helper()
	names, err := fs.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		image := pack.Buffer(int(size))
		if _, err := f.ReadAt(image, 0); err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(image, b.Data); at >= 0 {
			image[at+len(b.Data)/2] ^= 1
			if _, err := f.WriteAt(image, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Publishing an artifact again leaves the time at which it was published.
func TestAnArtifactKeepsItsTime(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	w := newWorld(t, func(o *store.Options) { o.Now = func() time.Time { return now } })
	w.put("acme/report", "v1", 1, 3, 1000)
	w.stop()
	now = now.Add(time.Hour)
	w.open()
	w.put("acme/report", "v2", 1, 3, 1000)
	a, err := w.s.Resolve(context.Background(), ref(t, "acme/report:v2"))
	if err != nil || !a.Published.Equal(time.UnixMilli(1_000_000)) || len(a.Tags) != 2 {
		t.Fatalf("%+v, %v", a, err)
	}
}
