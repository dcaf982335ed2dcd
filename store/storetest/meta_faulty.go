package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// FaultyMetadata fails a chosen commit of the metadata plane below it.
type FaultyMetadata struct {
	store.Metadata

	mu      sync.Mutex // guards all below; held during a commit, so that their count is their order
	commits int
	failAt  int // 0: never
	mode    FailMode
	tripped bool
}

// Faulty wraps m. Until [FaultyMetadata.FailAt] it fails nothing.
func Faulty(m store.Metadata) *FaultyMetadata { return &FaultyMetadata{Metadata: m} }

// FailAt makes the n-th commit from the beginning fail with
// [fault.Unavailable], counted from 1; 0 takes that back. [Failed] and
// [Persisted] fail that one only, [Halted] those after it as well.
func (f *FaultyMetadata) FailAt(n int, mode FailMode) {
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
	halted := f.mode == Halted && f.tripped
	if f.commits != f.failAt && !halted {
		return f.Metadata.Commit(ctx, b)
	}
	f.tripped = true
	if f.mode == Persisted {
		if err := f.Metadata.Commit(ctx, b); err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "commit", "", "injected: commit %d failed", f.commits)
}

// EachFault runs scenario once with no fault, and then for each commit that it
// makes with that commit [Failed] and [Persisted]: whoever gets an error must be
// right in both cases. Each run has its own plane from open. It ends when a
// scenario no longer reaches the commit chosen for it.
func EachFault(t *testing.T, open func(t *testing.T) store.Metadata, scenario func(t *testing.T, f *FaultyMetadata)) {
	t.Run("no fault", func(t *testing.T) { scenario(t, Faulty(open(t))) })
	for mode, name := range map[FailMode]string{Failed: "failed", Persisted: "failed but persisted"} {
		for n, reached := 1, true; reached; n++ {
			ok := t.Run(fmt.Sprintf("commit %d %s", n, name), func(t *testing.T) {
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
