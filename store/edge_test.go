package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// gate is a metadata plane whose commits of some kind can be held back.
type gate struct {
	store.Metadata
	holds func(store.Batch) bool
	// held is closed when the first commit waits; that and those after it go
	// on when opened is closed.
	held, opened chan struct{}
	once         sync.Once
	armed        atomic.Bool
}

func newGate(holds func(store.Batch) bool) *gate {
	return &gate{
		Metadata: storetest.NewMemory(), holds: holds,
		held: make(chan struct{}), opened: make(chan struct{}),
	}
}

func (g *gate) Commit(ctx context.Context, b store.Batch) error {
	if g.armed.Load() && g.holds(b) {
		g.once.Do(func() { close(g.held) })
		<-g.opened
	}
	return g.Metadata.Commit(ctx, b)
}

func small(o *store.Options) { o.SegmentSize = 1 << 20 }

// resolve finds an artifact by its reference.
func (w *world) resolve(r string) store.Artifact {
	w.t.Helper()
	a, err := w.s.Resolve(context.Background(), ref(w.t, r))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// remove takes an artifact away by its reference.
func (w *world) remove(r string) {
	w.t.Helper()
	if err := w.s.Remove(context.Background(), w.resolve(r)); err != nil {
		w.t.Fatal(err)
	}
}

// TestWhatIsDurableAndNotIndexedStays fails a write while the index lags: the
// segment that failed holds bytes that were acknowledged.
func TestWhatIsDurableAndNotIndexedStays(t *testing.T) {
	fs := storetest.NewCrashFS(1)
	g := newGate(func(store.Batch) bool { return true })
	w := newWorld(t, small, func(o *store.Options) { o.Packs, o.Meta = fs, g })
	w.put("acme/first", "v1", 1, 2, 1000)
	g.armed.Store(true)
	l := w.s.Begin()
	defer l.Release()
	a, err := receive(t.Context(), l, 2, 5, 20_000)
	if err == nil {
		err = l.Flush(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	<-g.held
	fs.FailAt(fs.Operations()+1, storetest.Failed) // the next write
	more, err := receive(t.Context(), l, 3, 5, 20_000)
	if err == nil {
		err = l.Flush(t.Context())
	}
	if err != nil {
		t.Fatalf("a group that fails is written elsewhere: %v", err)
	}
	close(g.opened)
	w.has(a)
	w.has(more)
	w.stop()
	w.open()
	w.has(a)
	w.has(more)
}

// TestACancelledPublicationStaysProtected gives up a publication that is on
// its way, releases its lease, and collects: the artifact comes whole.
func TestACancelledPublicationStaysProtected(t *testing.T) {
	isChange := func(b store.Batch) bool {
		for _, p := range b.Put {
			if string(p.Key) == "msequence" {
				return true
			}
		}
		return false
	}
	g := newGate(isChange)
	w := newWorld(t, small, func(o *store.Options) { o.Meta = g })
	a := w.put("acme/a", "v1", 1, 10, 50_000)
	w.put("acme/b", "v1", 2, 20, 100_000) // ends the first segment
	w.remove("acme/a:v1")
	g.armed.Store(true)

	l := w.s.Begin()
	if err := give(t.Context(), l, a); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	published := make(chan error)
	go func() {
		_, err := publish(ctx, l, "acme/a", "v2", a.manifest)
		published <- err
	}()
	<-g.held
	cancel()
	if err := <-published; !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled publication: %v", err)
	}
	l.Release()
	marked, collected := make(chan struct{}), make(chan error)
	go func() {
		_, err := w.s.Collect(t.Context(), store.CollectOptions{Dead: 0.001, Progress: func(done, _ int) {
			if done == 0 {
				close(marked)
			}
		}})
		collected <- err
	}()
	select {
	case <-marked:
	case err := <-collected:
		t.Fatalf("nothing was collected: %v", err)
	}
	close(g.opened)
	if err := <-collected; err != nil {
		t.Fatal(err)
	}
	w.resolve("acme/a:v2")
	w.has(a)
}

// TestRunEndsWhenTheIndexFails, and nobody waits for ever.
func TestRunEndsWhenTheIndexFails(t *testing.T) {
	p, faulty := newPlanes(1)
	s, err := store.Open(t.Context(), store.Options{ID: pack.StoreID{9}, Packs: p.fs, Meta: faulty, Now: time.Now, Site: "example.org", NodeOrigin: nodeOrigin, Checkpoints: testSigner})
	if err != nil {
		t.Fatal(err)
	}
	faulty.FailAt(faulty.Commits()+1, storetest.Failed)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	if _, err := put(t.Context(), s, "acme/a", "v1", 1, 3, 1000); !fault.Is(err, fault.Unavailable) {
		t.Errorf("put: %v", err)
	}
	if err := <-ended; !fault.Is(err, fault.Unavailable) {
		t.Errorf("run: %v", err)
	}
	if _, err := put(t.Context(), s, "acme/a", "v1", 1, 3, 1000); !fault.Is(err, fault.Unavailable) {
		t.Errorf("put after the end: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), chunk(1, 0, 1000).CID); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a closed store reads: %v", err)
	}
}

// TestANodeThatIsAlsoAChunkIsWalked stores the bytes of one artifact's blob
// root as the content of another: reaching them as a chunk must not keep
// collection from following them as a node.
func TestANodeThatIsAlsoAChunkIsWalked(t *testing.T) {
	w := newWorld(t, small)
	ctx := t.Context()
	dead := w.put("acme/dead", "v1", 9, 4, 50_000)
	var inner artifact
	l := w.s.Begin()
	inner, err := receive(ctx, l, 1, 5, 50_000)
	if err != nil {
		t.Fatal(err)
	}
	root := inner.chunks[5] // behind its chunks
	for i, name := range []string{"acme/a", "acme/z"} {
		in := func(b dag.Block) error { _, err := l.Receive(ctx, b); return err }
		tree := dag.NewTreeBuilder("default", in)
		raw := dag.NewBlock(dag.Raw, root.Data)
		if err := errors.Join(in(raw), tree.Add(raw.CID, len(raw.Data))); err != nil {
			t.Fatal(err)
		}
		blob, err := tree.Finish(nil)
		if err != nil {
			t.Fatal(err)
		}
		mb := dag.NewManifestBuilder(dag.Manifest{}, in)
		if err := mb.Add(dag.FileLayer(fmt.Sprint("raw-", i), 0o644, blob)); err != nil {
			t.Fatal(err)
		}
		m, err := mb.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := publish(ctx, l, name, "", m.CID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := publish(ctx, l, "acme/inner", "v1", inner.manifest); err != nil {
		t.Fatal(err)
	}
	l.Release()
	w.remove("acme/dead:v1")
	if _, err := w.s.Collect(ctx, store.CollectOptions{Dead: 0.001}); err != nil {
		t.Fatal(err)
	}
	if w.gone(dead) == 0 {
		t.Error("nothing was collected")
	}
	w.has(inner)
}

// TestAnArtifactOfManyTagsGoes: their rows do not fit one commit.
func TestAnArtifactOfManyTagsGoes(t *testing.T) {
	const tags = 5000
	w := newWorld(t)
	w.put("acme/a", "v1", 1, 3, 1000)
	a := w.resolve("acme/a:v1")
	var tagging sync.WaitGroup
	for part := range 25 {
		tagging.Go(func() {
			for i := range tags / 25 {
				if err := setTag(t.Context(), w.s, a, "acme/a", fmt.Sprintf("t-%d-%d", part, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	tagging.Wait()
	if got := w.resolve("acme/a:v1"); len(got.Tags) != tags+1 {
		t.Fatalf("%d tags", len(got.Tags))
	}
	w.remove("acme/a:v1")
	if st, err := w.s.Stats(t.Context()); err != nil || st.Artifacts+st.Tags != 0 {
		t.Fatalf("%+v, %v", st, err)
	}
	for k := range w.rows() {
		if k[0] == 't' || k[0] == 'n' || k[0] == 'o' {
			t.Fatalf("row %q is left", k)
		}
	}
	w.stop()
	w.open()
}

func TestNamesThatNoKeyCanHoldAreRefused(t *testing.T) {
	w := newWorld(t)
	a := w.put("acme/a", "v1", 1, 3, 1000)
	l := w.s.Begin()
	defer l.Release()
	for _, p := range []store.Publication{
		{Repository: "", Tag: "v1"}, {Repository: "acme/\x00", Tag: "v1"}, {Repository: "acme"},
		{Repository: "acme/" + string(make([]byte, 9000))}, {Repository: "acme/a", Tag: "a b"}, {Repository: "acme/a", Tag: "a\x00b"},
	} {
		p.Manifest = a.manifest
		if _, err := publish(t.Context(), l, p.Repository, p.Tag, p.Manifest); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20q %q: %v", p.Repository, p.Tag, err)
		}
		if err := setTag(t.Context(), w.s, w.resolve("acme/a:v1"), p.Repository, p.Tag); p.Tag != "" && !fault.Is(err, fault.Invalid) {
			t.Errorf("tag %.20q %q: %v", p.Repository, p.Tag, err)
		}
	}
	if err := setTag(t.Context(), w.s, w.resolve("acme/a:v1"), "acme/a", ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty tag: %v", err)
	}
	w.put("acme/a", "v2", 2, 3, 1000)
}

// TestAFullDiskRefusesAndRecovers has no room for a while.
func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	var full atomic.Bool
	w := newWorld(t, small, func(o *store.Options) {
		o.Admit = func(int64) error {
			if full.Load() {
				return fault.New(fault.Full, "admit", "", "no room")
			}
			return nil
		}
	})
	a := w.put("acme/a", "v1", 1, 10, 50_000)
	full.Store(true)
	if _, err := put(t.Context(), w.s, "acme/b", "v1", 2, 40, 50_000); !fault.Is(err, fault.Full) {
		t.Fatalf("without room: %v", err)
	}
	w.has(a)
	if _, err := w.s.Resolve(t.Context(), ref(t, "acme/b:v1")); !fault.Is(err, fault.NotFound) {
		t.Fatalf("half visible: %v", err)
	}
	w.stop()
	w.open()
	w.has(a)
	if err := w.s.Remove(t.Context(), w.resolve("acme/a:v1")); !fault.Is(err, fault.Full) {
		t.Fatalf("remove without room: %v", err)
	}
	full.Store(false) // as for whoever frees space
	w.remove("acme/a:v1")
	w.has(w.put("acme/b", "v1", 2, 40, 50_000))
}

// TestALostSegmentIsNamedAndHealed removes the file of a segment.
func TestALostSegmentIsNamedAndHealed(t *testing.T) {
	w := newWorld(t, small)
	a := w.put("acme/a", "v1", 1, 10, 50_000)
	w.put("acme/b", "v1", 2, 12, 90_000) // ends the first segment
	w.stop()
	lost := pack.Name(1)
	if err := w.opt.Packs.Remove(lost); err != nil {
		t.Fatal(err)
	}
	w.open()
	if _, err := w.s.Get(t.Context(), a.manifest); !fault.Is(err, fault.Corrupt) {
		t.Errorf("read: %v", err)
	}
	report, err := w.s.Fsck(t.Context(), nil)
	if !fault.Is(err, fault.Corrupt) || len(report.Problems) == 0 || report.Problems[0].File != lost {
		t.Fatalf("fsck: %v: %+v", err, report)
	}
	if _, err := w.s.Collect(t.Context(), store.CollectOptions{Dead: 0.001}); !fault.Is(err, fault.Corrupt) {
		t.Errorf("collect without knowing what is referred to: %v", err)
	}
	w.put("acme/a", "v1", 1, 10, 50_000) // the same again
	w.has(a)
	if _, err := w.s.Collect(t.Context(), store.CollectOptions{Dead: 0.001}); err != nil {
		t.Errorf("collect: %v", err)
	}
	report, err = w.s.Fsck(t.Context(), nil)
	if !fault.Is(err, fault.Corrupt) || len(report.Problems) != 1 { // the first change went with the file
		t.Fatalf("fsck: %v: %+v", err, report)
	}
	w.stop()
	w.s = nil
}
