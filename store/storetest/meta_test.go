package storetest_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.TestMetadata(t, func(t testing.TB) (store.Metadata, func() store.Metadata) {
		m := storetest.NewMemory()
		return m, func() store.Metadata { return m }
	})
}

// TestEachFault proves that the wrapper fails each commit once in each mode,
// with a scenario that is right in both: it reads before it tries again.
func TestEachFault(t *testing.T) {
	const want = 5
	seen := make(map[string]bool)
	open := func(*testing.T) store.Metadata { return storetest.NewMemory() }
	storetest.EachFault(t, open, func(t *testing.T, f *storetest.FaultyMetadata) {
		key := []byte("n")
		read := func() []byte {
			v, err := f.GetMany(t.Context(), [][]byte{key})
			if err != nil {
				t.Fatal(err)
			}
			return v[0]
		}
		failures := 0
		for n := uint64(1); n <= want; n++ {
			next := binary.BigEndian.AppendUint64(nil, n)
			for !bytes.Equal(read(), next) {
				err := f.Commit(t.Context(), store.Batch{
					Require: []store.Require{{Key: key, Value: read()}},
					Put:     []store.Pair{{Key: key, Value: next}},
				})
				if fault.Is(err, fault.Unavailable) {
					persisted := bytes.Equal(read(), next)
					seen[fmt.Sprint(n, persisted)] = true
					failures++
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		if f.Tripped() != (failures == 1) || failures > 1 {
			t.Errorf("%d failures, tripped: %v", failures, f.Tripped())
		}
		if extra := f.Commits() - want; extra < 0 || extra > failures {
			t.Errorf("%d commits for %d steps", f.Commits(), want)
		}
	})
	if len(seen) != 2*want {
		t.Errorf("%d of %d ways to fail were met: %v", len(seen), 2*want, seen)
	}
}

func TestHalted(t *testing.T) {
	f := storetest.Faulty(storetest.NewMemory())
	f.FailAt(2, storetest.Halted)
	for n := range 4 {
		err := f.Commit(t.Context(), store.Batch{Put: []store.Pair{{Key: []byte{byte(n)}}}})
		if fault.Is(err, fault.Unavailable) != (n >= 1) {
			t.Errorf("commit %d: %v", n+1, err)
		}
	}
	if all, err := storetest.Dump(t.Context(), f); err != nil || len(all) != 1 {
		t.Errorf("%d commits had an effect: %v", len(all), err)
	}
}
