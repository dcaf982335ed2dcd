package store_test

import (
	"fmt"
	"testing"

	"github.com/tegwick/artifact-store/store/storetest"
)

// newPlanes returns empty planes whose commits can be made to fail.
func newPlanes(seed uint64) (planes, *storetest.FaultyMetadata) {
	faulty := storetest.Faulty(storetest.NewMemory())
	return planes{fs: storetest.NewCrashFS(seed), meta: faulty}, faulty
}

// writesOfScript counts the writes of a script on each plane.
func writesOfScript(t *testing.T) (operations, commits int) {
	p, faulty := newPlanes(1)
	pl := newPlayer(t, "no fault", p)
	pl.recoverFrom(script(), false)
	return p.fs.Operations(), faulty.Commits()
}

func modeName(m storetest.FailMode) string {
	return map[storetest.FailMode]string{storetest.Failed: "failed", storetest.Persisted: "failed but persisted"}[m]
}

// TestEveryWriteThatFailsIsSurvived fails each write of a script once, on
// either plane and in both modes. What was acknowledged stays, nothing is half
// visible, whoever waited hears of it, and the script can be finished.
func TestEveryWriteThatFailsIsSurvived(t *testing.T) {
	operations, commits := writesOfScript(t)
	t.Logf("%d operations on packs, %d commits", operations, commits)
	for _, mode := range []storetest.FailMode{storetest.Failed, storetest.Persisted} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= operations; n += stride {
				arm := func(p planes, _ *storetest.FaultyMetadata) { p.fs.FailAt(n, mode) }
				for _, restart := range []bool{false, true} {
					failOne(t, fmt.Sprintf("pack operation %d %s, restart %v", n, modeName(mode), restart), restart, arm)
				}
			}
			for n := 1; n <= commits; n += stride {
				arm := func(_ planes, f *storetest.FaultyMetadata) { f.FailAt(n, mode) }
				failOne(t, fmt.Sprintf("commit %d %s", n, modeName(mode)), false, arm)
			}
		})
	}
}

// failOne plays the script with one fault. With restart the store is opened
// anew after the step that failed, else it goes on as long as it runs.
func failOne(t *testing.T, what string, restart bool, arm func(planes, *storetest.FaultyMetadata)) {
	t.Helper()
	p, faulty := newPlanes(1)
	arm(p, faulty)
	pl := newPlayer(t, what, p)
	rest := pl.play(script())
	if faulty.Tripped() && len(pl.errs) == 0 {
		if err := pl.shut(); err == nil { // the end of the run is the last to hear
			pl.fatalf("a commit failed and nobody was told")
		}
	}
	if restart || !stillRuns(pl) {
		_ = pl.shut() // the fault may show here again, or for the first time
	}
	pl.recoverFrom(rest, false)
}

// stillRuns reports whether the store takes writes.
func stillRuns(p *player) bool {
	return p.s != nil && flushStep(9).do(p.t.Context(), p.s) == nil
}
