package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/storetest"
)

// poweredMetadata is a metadata plane in the same machine as a [CrashFS]: what
// is not committed when the power goes never is. It remembers each commit.
type poweredMetadata struct {
	store.Metadata
	fs *storetest.CrashFS

	mu      sync.Mutex // guards all below
	cutAt   int        // operations of fs after which there is no power; 0: never
	stopAt  int        // commits after which there is none; 0: never
	commits []store.Batch
}

func (m *poweredMetadata) Commit(ctx context.Context, b store.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cutAt > 0 && m.fs.Operations() >= m.cutAt || m.stopAt > 0 && len(m.commits) >= m.stopAt {
		m.fs.FailAt(1, storetest.Halted)
		return fault.New(fault.Unavailable, "commit", "", "there is no power")
	}
	err := m.Metadata.Commit(ctx, b)
	if err == nil {
		m.commits = append(m.commits, b)
	}
	return err
}

// without returns the plane as it was before its last n commits.
func (m *poweredMetadata) without(t *testing.T, n int) store.Metadata {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	old := storetest.NewMemory()
	for _, b := range m.commits[:max(len(m.commits)-n, 1)] { // the first says whose it is
		if err := old.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	return old
}

// cut plays the script until the power goes, after n operations on the packs
// or, where n is negative, after that many commits. It returns the player, the
// planes as they are found afterwards, and what is left of the script.
func cut(t *testing.T, seed uint64, n, lost int) (*player, []step) {
	t.Helper()
	what := fmt.Sprintf("seed %d, power cut at %d, %d commits lost", seed, n, lost)
	fs := storetest.NewCrashFS(seed)
	meta := &poweredMetadata{Metadata: storetest.NewMemory(), fs: fs}
	if n > 0 {
		meta.cutAt = n
		fs.FailAt(n, storetest.Halted)
	} else {
		meta.stopAt = -n
	}
	pl := newPlayer(t, what, planes{fs: fs, meta: meta})
	rest := pl.play(script())
	_ = pl.shut() // there is no power to do it well
	pl.planes = planes{fs: fs.Crash(), meta: meta.without(t, lost)}
	return pl, rest
}

// TestAPowerCutLosesNothingAcknowledged cuts the power before each write of a
// script. What was synced and committed is there afterwards, of the rest any
// part may be.
func TestAPowerCutLosesNothingAcknowledged(t *testing.T) {
	operations, commits := writesOfScript(t)
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			for n := -commits; n <= operations; n += stride {
				if n != 0 {
					pl, rest := cut(t, seed, n, 0)
					pl.recoverFrom(rest, false)
				}
			}
		})
	}
}

// TestLostCommitsAreFoundInThePacks has the metadata forget commits that it
// had said to be durable, as an engine does whose log was torn. All that was
// acknowledged is in the packs. Only the places of blocks that nobody needs,
// in segments that were dropped since, may be missed until they are collected.
func TestLostCommitsAreFoundInThePacks(t *testing.T) {
	operations, _ := writesOfScript(t)
	rng := rand.New(rand.NewPCG(5, 5))
	for range 120 / stride {
		pl, rest := cut(t, rng.Uint64N(1000), 1+rng.IntN(operations), 1+rng.IntN(20))
		pl.recoverFrom(append(rest, collectStep()), true)
	}
}

// TestAnIndexIsRebuiltAfterAPowerCut throws the index away after the cut.
func TestAnIndexIsRebuiltAfterAPowerCut(t *testing.T) {
	operations, _ := writesOfScript(t)
	for n := 1; n <= operations; n += 2 * stride {
		pl, rest := cut(t, uint64(n), n, 0)
		pl.meta, pl.rebuild = storetest.NewMemory(), true
		pl.recoverFrom(rest, false)
	}
}
