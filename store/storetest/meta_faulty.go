package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// Mode is how a commit fails.
type Mode int

// A failed commit may or may not have taken effect; whoever gets an error must
// be right in both cases.
const (
	Failed             Mode = iota // an error, and no effect
	FailedButPersisted             // an error, though it took effect
)

// String returns the mode's name.
func (m Mode) String() string {
	return [...]string{"failed", "failed but persisted"}[m]
}

// FaultyMetadata fails a chosen commit of the metadata plane below it.
type FaultyMetadata struct {
	store.Metadata

	mu      sync.Mutex // guards all below; a commit is made under it, so that their count is their order
	commits int
	failAt  int
	mode    Mode
	tripped bool
}

// Faulty wraps m. Until [FaultyMetadata.FailAt] it fails nothing.
func Faulty(m store.Metadata) *FaultyMetadata { return &FaultyMetadata{Metadata: m} }

// FailAt makes the n-th commit from the beginning, counted from 1, fail once
// with [fault.Unavailable] in the given mode; 0 fails none.
func (f *FaultyMetadata) FailAt(n int, mode Mode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failAt, f.mode, f.tripped = n, mode, false
}

// Commits returns how many commits were asked for.
func (f *FaultyMetadata) Commits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits
}

// Tripped reports whether the chosen commit came and was failed.
func (f *FaultyMetadata) Tripped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tripped
}

// Commit passes b on, or fails it as chosen. A batch that the plane below
// refuses by itself keeps its own error.
func (f *FaultyMetadata) Commit(ctx context.Context, b store.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
	if f.commits != f.failAt {
		return f.Metadata.Commit(ctx, b)
	}
	f.tripped = true
	if f.mode == FailedButPersisted {
		if err := f.Metadata.Commit(ctx, b); err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "commit", "", "injected: commit %d %v", f.failAt, f.mode)
}

// EachFault runs scenario once for every commit that it makes and each [Mode],
// with that commit failing, and once with none. Each run has its own plane from
// open. It ends when a scenario no longer reaches the commit chosen for it.
func EachFault(t *testing.T, open func(t *testing.T) store.Metadata, scenario func(t *testing.T, f *FaultyMetadata)) {
	t.Run("none", func(t *testing.T) { scenario(t, Faulty(open(t))) })
	for _, mode := range []Mode{Failed, FailedButPersisted} {
		for n, reached := 1, true; reached; n++ {
			ok := t.Run(fmt.Sprintf("commit %d %v", n, mode), func(t *testing.T) {
				f := Faulty(open(t))
				f.FailAt(n, mode)
				scenario(t, f)
				reached = f.Tripped()
			})
			if !ok {
				return
			}
		}
	}
}
