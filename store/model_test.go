package store_test

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/storetest"
)

// universe is a fixed set of artifacts over few chunks, so that any two share
// some.
const (
	universeArtifacts = 6
	universeChunk     = 60_000
)

// overlapping returns an artifact of the universe: chunks i to i+3 of one
// sequence and what holds them together.
var overlapping = sync.OnceValue(func() []artifact {
	all := make([]artifact, universeArtifacts)
	for i := range all {
		a := &all[i]
		keep := func(b dag.Block) error { a.chunks = append(a.chunks, b); return nil }
		tree := dag.NewTreeBuilder("default", keep)
		for j := i; j < i+4; j++ {
			b := chunk(99, j, universeChunk)
			_ = keep(b)
			if err := tree.Add(b.CID, len(b.Data)); err != nil {
				panic(err) // the content is fixed
			}
		}
		blob, err := tree.Finish(nil)
		if err != nil {
			panic(err)
		}
		mb := dag.NewManifestBuilder(dag.Manifest{}, keep)
		if err := mb.Add(dag.FileLayer("file", 0o644, blob)); err != nil {
			panic(err)
		}
		m, err := mb.Finish()
		if err != nil {
			panic(err)
		}
		a.manifest = m.CID
	}
	return all
})

// machine is a store beside what a model says of it.
type machine struct {
	*player
	rt     *rapid.T
	live   map[string]int // repository -> artifact of the universe
	leases []*leaseModel
}

// leaseModel is an open lease and the artifacts that it was given.
type leaseModel struct {
	*store.Lease
	holds []int
}

var modelRepositories = []string{"acme/a", "acme/b", "acme/c"}

// readable checks that every block that the model calls needed is there.
func (m *machine) readable() {
	need := slices.Collect(maps.Values(m.live))
	for _, l := range m.leases {
		need = append(need, l.holds...)
	}
	for _, i := range need {
		for _, b := range overlapping()[i].chunks {
			if got, err := m.s.Get(context.Background(), b.CID); err != nil || !bytes.Equal(got.Data, b.Data) {
				m.rt.Fatalf("a block of artifact %d: %v", i, err)
			}
		}
	}
}

func (m *machine) begin(*rapid.T) {
	if len(m.leases) < 3 {
		m.leases = append(m.leases, &leaseModel{Lease: m.s.Begin()})
	}
}

func (m *machine) lease(rt *rapid.T) *leaseModel {
	if len(m.leases) == 0 {
		rt.Skip("no lease")
	}
	return m.leases[rapid.IntRange(0, len(m.leases)-1).Draw(rt, "lease")]
}

func (m *machine) receive(rt *rapid.T) {
	l, i := m.lease(rt), rapid.IntRange(0, universeArtifacts-1).Draw(rt, "artifact")
	if err := give(context.Background(), l.Lease, overlapping()[i]); err != nil {
		rt.Fatal(err)
	}
	l.holds = append(l.holds, i)
}

func (m *machine) publish(rt *rapid.T) {
	l := m.lease(rt)
	if len(l.holds) == 0 {
		rt.Skip("nothing received")
	}
	i := rapid.SampledFrom(l.holds).Draw(rt, "artifact")
	repository := rapid.SampledFrom(modelRepositories).Draw(rt, "repository")
	m.remove(repository)
	_, err := publish(context.Background(), l.Lease, repository, "v", overlapping()[i].manifest)
	if err != nil {
		rt.Fatal(err)
	}
	m.live[repository] = i
}

func (m *machine) remove(repository string) {
	i, ok := m.live[repository]
	if !ok {
		return
	}
	err := m.s.Remove(context.Background(), store.Artifact{Repository: repository, Manifest: overlapping()[i].manifest})
	if err != nil {
		m.rt.Fatal(err)
	}
	delete(m.live, repository)
}

func (m *machine) release(rt *rapid.T) {
	l := m.lease(rt)
	l.Release()
	m.leases = slices.DeleteFunc(m.leases, func(o *leaseModel) bool { return o == l })
}

func (m *machine) collect(rt *rapid.T) {
	opt := store.CollectOptions{
		Dead:   rapid.SampledFrom([]float64{0.001, 0.3, 1}).Draw(rt, "dead"),
		DryRun: rapid.IntRange(0, 9).Draw(rt, "dry run") == 0,
	}
	if _, err := m.s.Collect(context.Background(), opt); err != nil {
		rt.Fatal(err)
	}
}

// reopen closes the store, which ends all leases, and opens it again.
func (m *machine) reopen(rt *rapid.T) {
	m.leases = nil
	if err := m.shut(); err != nil {
		rt.Fatal(err)
	}
	if rapid.Bool().Draw(rt, "rebuild") {
		m.rebuildIndex(rt)
	}
	if err := m.open(); err != nil {
		rt.Fatal(err)
	}
}

// rebuildIndex makes the index anew and compares the two row by row.
func (m *machine) rebuildIndex(rt *rapid.T) {
	before := rows(rt, m.meta)
	m.meta, m.rebuild = storetest.NewMemory(), true
	if err := m.open(); err != nil {
		rt.Fatal(err)
	}
	if err := m.shut(); err != nil {
		rt.Fatal(err)
	}
	after := rows(rt, m.meta)
	delete(before, "mtop") // numbers that are free again once no row remembers them
	for k := range after {
		if _, ok := before[k]; !ok {
			rt.Errorf("row %q is new: %x", k, after[k])
		}
	}
	for k, v := range before {
		if after[k] != v {
			rt.Errorf("row %q: %x before, %x after", k, v, after[k])
		}
	}
}

type failer interface{ Fatal(...any) }

// rows returns all that a metadata plane holds.
func rows(t failer, m store.Metadata) map[string]string {
	pairs, err := storetest.Dump(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string, len(pairs))
	for _, p := range pairs {
		rows[string(p.Key)] = string(p.Value)
	}
	return rows
}

// quiesce ends the leases and collects: everything dead goes, at once, and a
// second collection finds nothing to do.
func (m *machine) quiesce() {
	ctx := context.Background()
	for _, l := range m.leases {
		l.Release()
	}
	m.leases = nil
	if _, err := m.s.Collect(ctx, store.CollectOptions{Dead: 1e-9}); err != nil {
		m.rt.Fatal(err)
	}
	m.readable()
	r, err := m.s.Collect(ctx, store.CollectOptions{Dead: 1e-9})
	if err != nil || r.Segments != 0 || r.DeadBytes != 0 {
		m.rt.Fatalf("a second collection: %+v, %v", r, err)
	}
	needed := make(map[dag.CID]bool)
	for _, i := range m.live {
		for _, b := range overlapping()[i].chunks {
			needed[b.CID] = true
		}
	}
	stats, err := m.s.Stats(ctx)
	if err != nil || stats.Blocks != int64(len(needed)) {
		m.rt.Fatalf("%d blocks are needed and %d there, %v", len(needed), stats.Blocks, err)
	}
	if report, err := m.s.Fsck(ctx, nil); err != nil {
		m.rt.Fatalf("fsck: %v: %+v", err, report.Problems)
	}
}

// TestCollectionFollowsTheModel puts, removes, leases, collects, reopens and
// rebuilds in any order: what is needed stays, what is not goes.
func TestCollectionFollowsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, _ := newPlanes(1)
		m := &machine{player: newPlayer(t, "model", p), rt: rt, live: make(map[string]int)}
		if err := m.open(); err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := m.shut(); err != nil {
				rt.Errorf("close: %v", err)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"":        func(*rapid.T) { m.readable() },
			"begin":   m.begin,
			"receive": m.receive,
			"publish": m.publish,
			"release": m.release,
			"remove":  func(rt *rapid.T) { m.remove(rapid.SampledFrom(modelRepositories).Draw(rt, "repository")) },
			"collect": m.collect,
			"reopen":  m.reopen,
		})
		m.quiesce()
	})
}

// TestCollectionBesideEverythingElse runs putters, a remover of each, a
// collector and readers at once over the universe.
func TestCollectionBesideEverythingElse(t *testing.T) {
	const rounds = 60
	w := newWorld(t, func(o *store.Options) { o.SegmentSize = 1 << 20 })
	ctx := t.Context()
	var putting, others sync.WaitGroup
	stop := make(chan struct{})
	for i, repository := range modelRepositories {
		putting.Go(func() { putAndRemove(t, w.s, repository, uint64(i), rounds) })
	}
	others.Go(func() {
		for dead := 0.001; ; dead = 1.001 - dead {
			if _, err := w.s.Collect(ctx, store.CollectOptions{Dead: dead}); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	others.Go(func() {
		rng := rand.New(rand.NewPCG(8, 8))
		for {
			a := overlapping()[rng.IntN(universeArtifacts)]
			b := a.chunks[rng.IntN(len(a.chunks))]
			if got, err := w.s.Get(ctx, b.CID); err == nil && !bytes.Equal(got.Data, b.Data) || err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("read: %v", err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	putting.Wait()
	close(stop)
	others.Wait()
	if _, err := w.s.Collect(ctx, store.CollectOptions{Dead: 1e-9}); err != nil {
		t.Fatal(err)
	}
	if st, err := w.s.Stats(ctx); err != nil || st.Blocks != 0 || st.Artifacts != 0 {
		t.Errorf("what nobody needs is still there: %+v, %v", st, err)
	}
}

// putAndRemove publishes random artifacts of the universe in one repository,
// reads each whole, and removes it.
func putAndRemove(t *testing.T, s *store.Store, repository string, seed uint64, rounds int) {
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(seed, 1))
	for range rounds {
		want := overlapping()[rng.IntN(universeArtifacts)]
		l := s.Begin()
		if err := give(ctx, l, want); err != nil {
			t.Error(err)
		}
		got, err := publish(ctx, l, repository, "v", want.manifest)
		l.Release()
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			return
		}
		for _, b := range want.chunks {
			if _, err := s.Get(ctx, b.CID); err != nil {
				t.Errorf("seed %d: a published block: %v", seed, err)
			}
		}
		if err := s.Remove(ctx, got); err != nil {
			t.Error(err)
		}
	}
}
