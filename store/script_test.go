package store_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// Sizes of the scripted artifacts: small, so that every write can be failed,
// and of several segments each.
const (
	scriptChunks = 6
	scriptChunk  = 90_000
)

// refs is what a store should show: "repository:tag" or "repository@" and a
// seed, to the seed of the artifact's content.
type refs map[string]uint64

func (r refs) String() string {
	var lines []string
	for k, seed := range r {
		lines = append(lines, fmt.Sprintf("%s=%d", k, seed))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func at(repository string, seed uint64) string { return fmt.Sprintf("%s@%d", repository, seed) }

// step is one thing that a user does, all or nothing.
type step struct {
	name string
	do   func(ctx context.Context, s *store.Store) error
	then func(r refs)
	// loose are seeds whose blocks are durable after the step and belong to
	// nothing; nil after a collection.
	loose   []uint64
	collect bool
	reopen  bool
}

func putStep(repository, tag string, seed uint64) step {
	return step{
		name: fmt.Sprintf("put %s:%s=%d", repository, tag, seed),
		do: func(ctx context.Context, s *store.Store) error {
			l := s.Begin()
			defer l.Release()
			if err := give(ctx, l, scripted(seed)); err != nil {
				return err
			}
			_, err := publish(ctx, l, repository, tag, scripted(seed).manifest)
			return err
		},
		then: func(r refs) { r[at(repository, seed)] = seed; r[repository+":"+tag] = seed },
	}
}

func removeStep(repository string, seed uint64) step {
	return step{
		name: fmt.Sprintf("remove %s=%d", repository, seed),
		do: func(ctx context.Context, s *store.Store) error {
			err := s.Remove(ctx, store.Artifact{Repository: repository, Manifest: scripted(seed).manifest})
			if fault.Is(err, fault.NotFound) {
				return nil // done by an attempt whose answer was lost
			}
			return err
		},
		then: func(r refs) {
			maps.DeleteFunc(r, func(k string, s uint64) bool {
				return s == seed && (k == at(repository, seed) || strings.HasPrefix(k, repository+":"))
			})
		},
	}
}

func tagStep(repository, tag string, seed uint64) step {
	return step{
		name: fmt.Sprintf("tag %s:%s=%d", repository, tag, seed),
		do: func(ctx context.Context, s *store.Store) error {
			return setTag(ctx, s, store.Artifact{Repository: repository, Manifest: scripted(seed).manifest}, repository, tag)
		},
		then: func(r refs) { r[repository+":"+tag] = seed },
	}
}

func untagStep(repository, tag string) step {
	return step{
		name: fmt.Sprintf("untag %s:%s", repository, tag),
		do: func(ctx context.Context, s *store.Store) error {
			if err := s.Untag(ctx, repository, tag); !fault.Is(err, fault.NotFound) {
				return err
			}
			return nil
		},
		then: func(r refs) { delete(r, repository+":"+tag) },
	}
}

func flushStep(seed uint64) step {
	return step{
		name: fmt.Sprintf("flush %d", seed),
		do: func(ctx context.Context, s *store.Store) error {
			l := s.Begin()
			defer l.Release()
			if err := give(ctx, l, scripted(seed)); err != nil {
				return err
			}
			return l.Flush(ctx)
		},
		then:  func(refs) {},
		loose: []uint64{seed},
	}
}

func collectStep() step {
	return step{
		name: "collect",
		do: func(ctx context.Context, s *store.Store) error {
			_, err := s.Collect(ctx, store.CollectOptions{Dead: 0.01})
			return err
		},
		then: func(refs) {}, collect: true,
	}
}

func reopenStep() step { return step{name: "reopen", then: func(refs) {}, reopen: true} }

// script is what every fault is crossed with.
func script() []step {
	return []step{
		putStep("acme/a", "v1", 1),
		putStep("acme/b", "v1", 1), // the same content
		putStep("acme/c", "v1", 2),
		tagStep("acme/a", "latest", 1),
		flushStep(3),
		untagStep("acme/a", "latest"),
		removeStep("acme/c", 2),
		collectStep(),
		putStep("acme/c", "v2", 3),
		reopenStep(),
		removeStep("acme/b", 1),
		putStep("acme/a", "v1", 4), // the tag moves
		removeStep("acme/a", 1),
		collectStep(),
		putStep("acme/d", "v1", 2), // what was collected comes again
		reopenStep(),
		collectStep(),
	}
}

// scripted returns the artifact of a seed. It is made once.
var scripted = func() func(seed uint64) artifact {
	var mu sync.Mutex // guards made
	made := make(map[uint64]artifact)
	return func(seed uint64) artifact {
		mu.Lock()
		defer mu.Unlock()
		a, ok := made[seed]
		if !ok {
			a = describe(seed, scriptChunks, scriptChunk)
			made[seed] = a
		}
		return a
	}
}()

// describe returns what [receive] would store, without a store.
func describe(seed uint64, n, size int) (a artifact) {
	keep := func(b dag.Block) error { a.chunks = append(a.chunks, b); return nil }
	m, err := build(keep, seed, n, size)
	if err != nil {
		panic(err) // the content is fixed
	}
	a.manifest = m
	return a
}

// give has a lease receive the blocks of an artifact.
func give(ctx context.Context, l *store.Lease, a artifact) error {
	for _, b := range a.chunks {
		if _, err := l.Receive(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// planes are the two planes of a store, which outlive it.
type planes struct {
	fs   *storetest.CrashFS
	meta store.Metadata
}

// keepOpen is a metadata plane that a store cannot close.
type keepOpen struct{ store.Metadata }

func (keepOpen) Close() error { return nil }

// player runs steps against a store and keeps account of what it acknowledged.
type player struct {
	t    *testing.T
	what string // names the run in failures
	planes
	rebuild bool // the index is new, the packs are not
	s       *store.Store
	end     func() error
	refs    refs
	before  refs            // before the step that failed; nil where none did
	loose   map[uint64]bool // seeds that were flushed
	errs    []error         // every failure that somebody was told of
	// heads are those of the logs when the store was last checked.
	heads map[string]store.Log
}

func newPlayer(t *testing.T, what string, p planes) *player {
	return &player{t: t, what: what, planes: p, refs: make(refs), loose: make(map[uint64]bool)}
}

func (p *player) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s: %s", p.what, fmt.Sprintf(format, args...))
}

func (p *player) open() error {
	s, err := store.Open(context.Background(), store.Options{
		ID: pack.StoreID{7}, Packs: p.fs, Meta: keepOpen{p.meta}, Now: time.Now, Site: "example.org", NodeOrigin: nodeOrigin, Checkpoints: testSigner,
		SegmentSize: 1 << 20, Rebuild: p.rebuild,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	p.s = s
	p.end = func() error {
		cancel()
		return <-ended
	}
	return nil
}

func (p *player) shut() error {
	if p.s == nil {
		return nil
	}
	err := p.end()
	if closeErr := p.s.Close(); err == nil {
		err = closeErr
	}
	p.s = nil
	return err
}

// note keeps an error that surfaced.
func (p *player) note(err error) error {
	if err != nil {
		p.errs = append(p.errs, err)
	}
	return err
}

// play does the steps in order until one fails, and returns those that are
// left, the failed one first.
func (p *player) play(steps []step) []step {
	for i, st := range steps {
		if p.s == nil {
			if p.note(p.open()) != nil {
				return steps[i:]
			}
		}
		if st.reopen {
			if p.note(p.shut()) != nil {
				return steps[i:]
			}
			continue
		}
		after := maps.Clone(p.refs)
		st.then(after)
		if st.collect {
			clear(p.loose) // from its beginning on
		}
		if p.note(st.do(context.Background(), p.s)) != nil {
			p.before, p.refs = p.refs, after
			return steps[i:]
		}
		p.before, p.refs = nil, after
		for _, seed := range st.loose {
			p.loose[seed] = true
		}
	}
	return nil
}

// check compares what the open store shows and holds with the account. After a
// step that failed both outcomes are right, and it settles on the one it finds.
func (p *player) check() {
	p.t.Helper()
	ctx := context.Background()
	seeds := make(map[dag.CID]uint64)
	for seed := range uint64(10) {
		seeds[scripted(seed).manifest] = seed
	}
	got := make(refs)
	err := p.s.Artifacts(ctx, "", func(a store.Artifact) error {
		seed := seeds[a.Manifest]
		got[at(a.Repository, seed)] = seed
		for _, tag := range a.Tags {
			got[a.Repository+":"+tag] = seed
		}
		return nil
	})
	if err != nil {
		p.fatalf("list: %v", err)
	}
	if p.before != nil && maps.Equal(got, p.before) {
		p.refs = p.before
	}
	p.before = nil
	if !maps.Equal(got, p.refs) {
		p.fatalf("the store shows\n%v\nand should\n%v", got, p.refs)
	}
	if p.heads, err = checkLogs(ctx, p.s, p.heads); err != nil {
		p.fatalf("%v", err)
	}
	held := maps.Clone(p.loose)
	for _, seed := range got {
		held[seed] = true
	}
	for seed := range held {
		a := scripted(seed)
		for _, want := range a.chunks {
			if b, err := p.s.Get(ctx, want.CID); err != nil || !bytes.Equal(b.Data, want.Data) {
				p.fatalf("a block of %d: %v", seed, err)
			}
		}
	}
}

// fsck checks that nothing is wrong, or nothing that anybody needs.
func (p *player) fsck(unneededMayMiss bool) {
	p.t.Helper()
	report, err := p.s.Fsck(context.Background(), nil)
	if err == nil {
		return
	}
	for _, problem := range report.Problems {
		if !unneededMayMiss || len(problem.Owners) > 0 {
			p.fatalf("fsck: %v: %+v", err, report.Problems)
		}
	}
}

// recoverFrom opens the store after a fault, checks it, does what is left to
// do, and checks it again.
func (p *player) recoverFrom(rest []step, unneededMayMiss bool) {
	p.t.Helper()
	if p.s == nil {
		if err := p.open(); err != nil {
			p.fatalf("open after the fault: %v", err)
		}
	}
	p.check()
	p.fsck(unneededMayMiss)
	if left := p.play(rest); left != nil {
		p.fatalf("%s, after the fault was gone: %v", left[0].name, p.errs[len(p.errs)-1])
	}
	if p.s == nil {
		if err := p.open(); err != nil {
			p.fatalf("open at the end: %v", err)
		}
	}
	p.check()
	p.fsck(false)
	if err := p.shut(); err != nil {
		p.fatalf("close: %v", err)
	}
}
