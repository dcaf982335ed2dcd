package store_test

import (
	"context"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/storetest"
)

func TestPublishedArtifactsSurviveReopening(t *testing.T) {
	w := newWorld(t)
	a := w.put("acme/report", "v1", 1, 300, 40_000)
	w.has(a)
	w.stop()
	w.open()
	w.has(a)
	got, err := w.s.Resolve(context.Background(), ref(t, "acme/report:v1"))
	if err != nil || got.Manifest != a.manifest || len(got.Tags) != 1 {
		t.Fatalf("resolve: %+v, %v", got, err)
	}
}

func TestTheSameContentIsStoredOnce(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.put("acme/one", "v1", 7, 50, 20_000)
	before, err := w.s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.put("acme/two", "v1", 7, 50, 20_000)
	after, err := w.s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if after.StoredBytes != before.StoredBytes || after.Artifacts != 2 {
		t.Fatalf("before %+v, after %+v", before, after)
	}
}

func TestABlockWithoutItsLinksIsRefused(t *testing.T) {
	w := newWorld(t)
	l := w.s.Begin()
	defer l.Release()
	var root dag.Block
	tree := dag.NewTreeBuilder("default", func(b dag.Block) error { root = b; return nil })
	for i := range 2 {
		if err := tree.Add(chunk(1, i, 1000).CID, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tree.Finish(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Receive(context.Background(), root); !fault.Is(err, fault.NotFound) {
		t.Fatalf("want not found, got %v", err)
	}
}

func TestTagsMoveAndReferencesGo(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a := w.put("acme/report", "latest", 1, 3, 1000)
	b := w.put("acme/report", "latest", 2, 3, 1000)
	got, err := w.s.Resolve(ctx, ref(t, "acme/report:latest"))
	if err != nil || got.Manifest != b.manifest {
		t.Fatalf("latest is %v, %v", got, err)
	}
	old, err := w.s.Resolve(ctx, dag.Reference{Repository: "acme/report", Digest: a.manifest.Digest})
	if err != nil || len(old.Tags) != 0 {
		t.Fatalf("old: %+v, %v", old, err)
	}
	if err := setTag(ctx, w.s, old, "other/place", "kept"); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Remove(ctx, old); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Remove(ctx, old); !fault.Is(err, fault.NotFound) {
		t.Fatalf("second removal: %v", err)
	}
	if _, err := w.s.Resolve(ctx, ref(t, a.manifest.Digest.String())); err != nil {
		t.Fatalf("a bare digest is looked for everywhere: %v", err)
	}
	if err := w.s.Untag(ctx, "acme/report", "latest"); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Untag(ctx, "acme/report", "latest"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("second untag: %v", err)
	}
}

func TestTheIndexIsRebuiltFromThePacks(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a := w.put("acme/report", "v1", 1, 200, 60_000)
	b := w.put("acme/report", "v2", 2, 200, 60_000)
	if err := w.s.Untag(ctx, "acme/report", "v2"); err != nil {
		t.Fatal(err)
	}
	before := w.rows()
	w.stop()

	w.opt.Meta = storetest.NewMemory()
	if _, err := store.Open(ctx, w.opt); !fault.Is(err, fault.Corrupt) {
		t.Fatalf("an empty index over packs: %v", err)
	}
	w.opt.Meta = storetest.NewMemory()
	w.opt.Rebuild = true
	w.open()
	after := w.rows()
	if len(before) != len(after) {
		t.Errorf("%d rows before, %d after", len(before), len(after))
	}
	for k, v := range before {
		if after[k] != v {
			t.Errorf("row %q: %x before, %x after", k, v, after[k])
		}
	}
	w.has(a)
	w.has(b)
}

func TestCollectFreesWhatNothingNeeds(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a := w.put("acme/a", "v1", 1, 500, 60_000)
	b := w.put("acme/b", "v1", 2, 500, 60_000)
	got, err := w.s.Resolve(ctx, ref(t, "acme/a:v1"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := w.s.Collect(ctx, store.CollectOptions{}); err != nil || r.Segments != 0 {
		t.Fatalf("nothing is dead: %+v, %v", r, err)
	}
	if err := w.s.Remove(ctx, got); err != nil {
		t.Fatal(err)
	}
	dry, err := w.s.Collect(ctx, store.CollectOptions{DryRun: true})
	if err != nil || dry.Dropped == 0 || w.gone(a) != 0 {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	r, err := w.s.Collect(ctx, store.CollectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := w.gone(a); n < 450 {
		t.Errorf("%d of 500 dead chunks went: %+v", n, r)
	}
	w.has(b)
	st, err := w.s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if live := int64(500 * 60_000); st.DiskBytes > live*5/4+16<<20 {
		t.Errorf("%d bytes on disk for %d live", st.DiskBytes, live)
	}
	w.stop()
	w.open()
	w.has(b)
	w.put("acme/a", "v1", 1, 500, 60_000)
}

func TestALeaseProtectsWhatItFound(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a := w.put("acme/a", "v1", 1, 500, 60_000)
	got, err := w.s.Resolve(ctx, ref(t, "acme/a:v1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.s.Remove(ctx, got); err != nil {
		t.Fatal(err)
	}
	l := w.s.Begin()
	again, err := receive(ctx, l, 1, 500, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Collect(ctx, store.CollectOptions{Dead: 0.01}); err != nil {
		t.Fatal(err)
	}
	if _, err := publish(ctx, l, "acme/a", "v2", again.manifest); err != nil {
		t.Fatal(err)
	}
	l.Release()
	w.has(a)
}
