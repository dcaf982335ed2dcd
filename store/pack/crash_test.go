package pack_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// history is what a run was told to be durable before it failed.
type history struct {
	born      bool // Create returned
	sealed    bool // Seal returned
	state     pack.State
	locations []pack.Location
	plains    [][]byte
}

// run makes a segment, appends to it, leaves it, resumes, appends and seals,
// until something fails.
func run(t *testing.T, fs pack.FS, seed uint64) (h history) {
	rng, b := rand.New(rand.NewPCG(seed, 2)), pack.NewBatch(0)
	w, err := pack.Create(fs, 1, storeID, 256<<10)
	if err != nil {
		return h
	}
	h.born, h.state = true, w.State()
	for n := range 5 {
		if n == 3 {
			if w.Close() != nil {
				return h
			}
			if w, err = pack.Resume(fs, 1, storeID, h.state, 256<<10); err != nil {
				return h
			}
		}
		b.Reset()
		plains := add(t, b, rng, make([]int, 90)...) // two frames, so that a tear can fall between
		plains = append(plains, add(t, b, rng, rng.IntN(20000), rng.IntN(600), rng.IntN(9000))...)
		locations, err := w.Append(b, stamp(n))
		if err != nil {
			if _, again := w.Append(b, stamp(n)); again == nil {
				t.Error("a broken writer appended")
			}
			if _, again := w.Seal(); again == nil {
				t.Error("a broken writer sealed")
			}
			_ = w.Close() // it is broken, and may say so
			return h
		}
		h.locations, h.plains, h.state = append(h.locations, locations...), append(h.plains, plains...), w.State()
	}
	_, err = w.Seal()
	h.sealed = err == nil
	return h
}

// Whatever operation fails, and however the power is cut then: what was
// acknowledged is there, what is behind it is cut off clean, and the segment
// goes on.
func TestCrashAtEveryOperation(t *testing.T) {
	whole := storetest.NewCrashFS(0)
	if h := run(t, whole, 0); !h.sealed {
		t.Fatal("the run does not end")
	}
	for _, mode := range []storetest.FailMode{storetest.Failed, storetest.Persisted, storetest.Halted} {
		for n := 1; n <= whole.Operations()+1; n++ {
			for seed := range uint64(6) {
				fs := storetest.NewCrashFS(seed)
				fs.FailAt(n, mode)
				h := run(t, fs, 0)
				survives(t, fs.Crash(), h)
				if t.Failed() {
					t.Fatalf("mode %d at operation %d, seed %d", mode, n, seed)
				}
			}
		}
	}
}

func survives(t *testing.T, fs pack.FS, h history) {
	t.Helper()
	got := scanned{}
	var err error
	got.Result, err = pack.Scan(fs, 1, storeID, pack.State{}, got.collect(t))
	if !h.born && (fault.Is(err, fault.NotFound) || got.Unborn || got.State == pack.State{Length: pack.Align} || len(got.Damage) > 0) {
		return
	}
	if err != nil || got.Unborn {
		t.Errorf("the scan gave %+v, %v", got.Result, err)
		return
	}
	n := len(h.plains)
	if len(got.plains) < n || n > 0 && (!reflect.DeepEqual(got.plains[:n], h.plains) || !reflect.DeepEqual(got.locations[:n], h.locations)) {
		t.Errorf("%d records are left of %d that were acknowledged", len(got.plains), n)
		return
	}
	if h.sealed && got.Sealed == nil {
		t.Error("a sealed segment is not sealed")
	}
	if got.Sealed != nil {
		if _, err := pack.VerifySealed(fs, 1, storeID); err != nil {
			t.Error(err)
		}
		return
	}
	goesOn(t, fs, got)
}

// goesOn resumes where the scan ended, appends, seals and reads all.
func goesOn(t *testing.T, fs pack.FS, found scanned) {
	t.Helper()
	w, err := pack.Resume(fs, 1, storeID, found.State, 256<<10)
	if err != nil {
		t.Error(err)
		return
	}
	wantClean(t, fs)
	b := pack.NewBatch(0)
	plains := add(t, b, rand.New(rand.NewPCG(9, 9)), 10, 0, 3000)
	locations := append(found.locations, appendBatch(t, w, b, 99)...)
	if _, err := w.Seal(); err != nil {
		t.Error(err)
		return
	}
	wantClean(t, fs)
	wantRecords(t, fs, locations, append(found.plains, plains...))
}

// A sync that fails is never tried again: the writer stays broken though the
// file system would say yes, and the batch goes to another segment.
func TestFailedSyncBreaksTheWriter(t *testing.T) {
	fs, rng := storetest.NewCrashFS(3), rand.New(rand.NewPCG(3, 3))
	w, b := newSegment(t, fs, 64<<10), pack.NewBatch(0)
	first := add(t, b, rng, 500)
	acknowledged := appendBatch(t, w, b, 0)
	b.Reset()
	plains := add(t, b, rng, 700, 800)
	fs.FailAt(fs.Operations()+2, storetest.Failed) // a write, then the sync
	_, err := w.Append(b, stamp(1))
	operations := fs.Operations()
	for range 2 {
		_, again := w.Append(b, stamp(1))
		wantKind(t, "an append", again, fault.KindOf(err))
	}
	_, again := w.Seal()
	wantKind(t, "a seal", again, fault.KindOf(err))
	if err == nil || fs.Operations() != operations {
		t.Errorf("%v, and %d operations after it", err, fs.Operations()-operations)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	other, err := pack.Create(fs, 2, storeID, 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Append(b, stamp(2)); err != nil {
		t.Fatal(err)
	}
	left := fs.Crash()
	wantRecords(t, left, acknowledged, first)
	s := scanned{}
	if s.Result, err = pack.Scan(left, 2, storeID, pack.State{}, s.collect(t)); err != nil || !reflect.DeepEqual(s.plains, plains) {
		t.Errorf("the second segment holds %d records, %v", len(s.plains), err)
	}
}

// A frame of a batch that was never acknowledged does not come back behind a
// later one that ends where it began.
func TestLostFrameStaysLost(t *testing.T) {
	fs, rng, b := storetest.NewCrashFS(4), rand.New(rand.NewPCG(4, 4)), pack.NewBatch(0)
	w := newSegment(t, fs, 1<<20)
	start := w.State()
	add(t, b, rng, make([]int, 2*pack.MaxFrameRecords)...)
	appendBatch(t, w, b, 0)
	fs.Flip(pack.Name(1), start.Length, 1) // as if the first frame had not arrived
	if found := scan(t, fs, pack.State{}); found.State != start || len(found.Damage) != 1 {
		t.Fatalf("found %+v", found.Result)
	}
	w, err := pack.Resume(fs, 1, storeID, start, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	plains := add(t, b, rng, make([]int, pack.MaxFrameRecords)...)
	appendBatch(t, w, b, 1)
	if found := scan(t, fs.Crash(), pack.State{}); len(found.plains) != len(plains) || len(found.Damage) > 0 {
		t.Errorf("%d records, want %d: %+v", len(found.plains), len(plains), found.Result)
	}
}
