package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// OpenMetadata gives a test a fresh metadata plane, and reopen, which closes
// what is open and opens the same again. It closes the last one by t.Cleanup.
type OpenMetadata func(t testing.TB) (m store.Metadata, reopen func() store.Metadata)

// TestMetadata is the suite that every metadata plane passes.
func TestMetadata(t *testing.T, open OpenMetadata) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open OpenMetadata)
	}{
		{"values", testValues},
		{"order within a batch", testBatchOrder},
		{"requirements", testRequirements},
		{"limits", testLimits},
		{"largest batches", testLargestBatches},
		{"iteration", testIteration},
		{"iteration stops", testIterationStops},
		{"snapshot", testSnapshot},
		{"context", testContext},
		{"reopen", testReopen},
		{"closed", testClosed},
		{"compare and set", testCompareAndSet},
		{"concurrent atomicity", testConcurrentAtomicity},
		{"model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

func testValues(t *testing.T, open OpenMetadata) {
	m, reopen := open(t)
	large := bytes.Repeat([]byte{7}, store.MaxMetaValue)
	longKey := bytes.Repeat([]byte{'k'}, store.MaxMetaKey)
	commit(t, m, store.Batch{Put: []store.Pair{
		pair("a", "1"), pair("empty", ""), {Key: []byte("nil"), Value: nil},
		{Key: []byte{0}, Value: []byte{0, 255}}, {Key: []byte("large"), Value: large}, {Key: longKey, Value: []byte("x")},
	}})
	for range 2 {
		got := getMany(t, m, "a", "absent", "empty", "a", "nil", "\x00", "large", string(longKey))
		want := [][]byte{[]byte("1"), nil, {}, []byte("1"), {}, {0, 255}, large, []byte("x")}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("values differ: %.40q", got)
		}
		got[0][0] = 'X' // the values are the caller's own
		if again := getMany(t, m, "a", "a"); string(again[0]) != "1" || string(again[1]) != "1" {
			t.Fatalf("a caller's change of a value shows: %q", again)
		}
		m = reopen()
	}
	commit(t, m, store.Batch{Delete: keys("a", "empty", "absent")})
	m = reopen()
	if got := getMany(t, m, "a", "empty", "nil"); got[0] != nil || got[1] != nil || got[2] == nil {
		t.Fatalf("after deletion: %q", got)
	}
	if got := getMany(t, m); len(got) != 0 {
		t.Fatalf("no keys give %d values", len(got))
	}
}

func testBatchOrder(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	commit(t, m, store.Batch{
		Require: []store.Require{{Key: []byte("a")}},
		Put:     []store.Pair{pair("a", "1"), pair("a", "2"), pair("b", "1")},
		Delete:  keys("b"),
	})
	if got := getMany(t, m, "a", "b"); string(got[0]) != "2" || got[1] != nil {
		t.Fatalf("puts apply in order, then deletes: %q", got)
	}
	commit(t, m, store.Batch{})
}

func testRequirements(t *testing.T, open OpenMetadata) {
	m, reopen := open(t)
	commit(t, m, store.Batch{Put: []store.Pair{pair("k", "v"), pair("empty", "")}})
	m = reopen()
	for _, c := range []struct {
		name string
		need []store.Require
		met  bool
	}{
		{"holds", []store.Require{{Key: []byte("k"), Value: []byte("v")}}, true},
		{"holds the empty value", []store.Require{{Key: []byte("empty"), Value: []byte{}}}, true},
		{"absent", []store.Require{{Key: []byte("none")}}, true},
		{"holds another", []store.Require{{Key: []byte("k"), Value: []byte("w")}}, false},
		{"holds a longer one", []store.Require{{Key: []byte("k"), Value: []byte("vv")}}, false},
		{"is there, must not", []store.Require{{Key: []byte("k")}}, false},
		{"is there, empty, must not", []store.Require{{Key: []byte("empty")}}, false},
		{"absent, must hold empty", []store.Require{{Key: []byte("none"), Value: []byte{}}}, false},
		{"absent, must hold", []store.Require{{Key: []byte("none"), Value: []byte("v")}}, false},
		{"one of several", []store.Require{{Key: []byte("none")}, {Key: []byte("k"), Value: []byte("w")}}, false},
	} {
		before := dump(t, m)
		err := m.Commit(t.Context(), store.Batch{
			Require: c.need, Put: []store.Pair{pair("did "+c.name, "")}, Delete: keys("unrelated"),
		})
		if c.met {
			if got := getMany(t, m, "did "+c.name); err != nil || got[0] == nil {
				t.Fatalf("%s: %v, applied: %v", c.name, err, got[0] != nil)
			}
			continue
		}
		if !fault.Is(err, fault.Conflict) {
			t.Fatalf("%s: %v, want a conflict", c.name, err)
		}
		if !reflect.DeepEqual(dump(t, m), before) {
			t.Fatalf("%s: a refused batch left something", c.name)
		}
	}
}

func testLimits(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	ops := func(n int) (b store.Batch) {
		for i := range n {
			b.Put = append(b.Put, pair(fmt.Sprint(i), ""))
		}
		return b
	}
	both := ops(store.MaxBatchOps)
	both.Delete = keys("x")
	needs := store.Batch{Require: make([]store.Require, store.MaxBatchOps+1)}
	for i := range needs.Require {
		needs.Require[i].Key = []byte("absent")
	}
	for _, c := range []struct {
		name string
		b    store.Batch
		kind fault.Kind
	}{
		{"a value", store.Batch{Put: []store.Pair{{Key: []byte("v"), Value: make([]byte, store.MaxMetaValue+1)}}}, fault.TooLarge},
		{"a key", store.Batch{Put: []store.Pair{{Key: make([]byte, store.MaxMetaKey+1)}}}, fault.TooLarge},
		{"a key to delete", store.Batch{Delete: [][]byte{make([]byte, store.MaxMetaKey+1)}}, fault.TooLarge},
		{"operations", ops(store.MaxBatchOps + 1), fault.TooLarge},
		{"puts and deletes", both, fault.TooLarge},
		{"requirements", needs, fault.TooLarge},
		{"bytes", fullBatch("x", 1), fault.TooLarge},
		{"no key", store.Batch{Put: []store.Pair{{Value: []byte("v")}}}, fault.Invalid},
		{"no key to delete", store.Batch{Delete: [][]byte{{}}}, fault.Invalid},
		{"no key to require", store.Batch{Require: []store.Require{{}}}, fault.Invalid},
	} {
		if err := m.Commit(t.Context(), c.b); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", c.name, err, c.kind)
		}
	}
	if got := dump(t, m); len(got) != 0 {
		t.Fatalf("refused batches left %d keys", len(got))
	}
}

func testLargestBatches(t *testing.T, open OpenMetadata) {
	m, reopen := open(t)
	const n = 24 // enough to begin new files
	for i := range n {
		commit(t, m, fullBatch(string(rune('a'+i)), 0))
	}
	m = reopen()
	if got := dump(t, m); len(got) != n*store.MaxBatchOps {
		t.Fatalf("%d keys of %d", len(got), n*store.MaxBatchOps)
	}
}

// fullBatch is of MaxBatchOps puts and MaxBatchBytes, and over bytes more.
func fullBatch(prefix string, over int) store.Batch {
	const share = store.MaxBatchBytes / store.MaxBatchOps
	b := store.Batch{Put: make([]store.Pair, store.MaxBatchOps)}
	for i := range b.Put {
		k := fmt.Appendf(nil, "%s%05d", prefix, i)
		b.Put[i] = store.Pair{Key: k, Value: make([]byte, share-len(k))}
	}
	b.Put[0].Value = append(b.Put[0].Value, make([]byte, over)...)
	return b
}

func testContext(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	commit(t, m, store.Batch{Put: []store.Pair{pair("a", ""), pair("b", ""), pair("c", "")}})
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := m.Iterate(ctx, nil, nil, func(_, _ []byte) error { seen++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("iterating on: %v after %d keys", err, seen)
	}
	if _, err := m.GetMany(ctx, keys("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("reading on: %v", err)
	}
	if err := m.Commit(ctx, store.Batch{Put: []store.Pair{pair("d", "")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("committing on: %v", err)
	}
	if got := dump(t, m); len(got) != 3 {
		t.Errorf("%d keys after a cancelled commit", len(got))
	}
}

func testReopen(t *testing.T, open OpenMetadata) {
	m, reopen := open(t)
	for i := range 5 {
		commit(t, m, store.Batch{
			Put:    []store.Pair{pair("same", fmt.Sprint(i)), pair(fmt.Sprint("k", i), "")},
			Delete: keys(fmt.Sprint("k", i-2)),
		})
		m = reopen()
		want := []store.Pair{pair(fmt.Sprint("k", i), ""), pair("same", fmt.Sprint(i))}
		if i > 0 {
			want = append([]store.Pair{pair(fmt.Sprint("k", i-1), "")}, want...)
		}
		if got := dump(t, m); !reflect.DeepEqual(got, want) {
			t.Fatalf("after reopening %d times: %q", i+1, got)
		}
	}
}

func testClosed(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	commit(t, m, store.Batch{Put: []store.Pair{pair("a", "")}})
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.GetMany(t.Context(), keys("a")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("reading what is closed: %v", err)
	}
	if err := m.Commit(t.Context(), store.Batch{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("committing to what is closed: %v", err)
	}
	err := m.Iterate(t.Context(), nil, nil, func(_, _ []byte) error { return nil })
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("iterating what is closed: %v", err)
	}
}

func pair(k, v string) store.Pair { return store.Pair{Key: []byte(k), Value: []byte(v)} }

func keys(ks ...string) [][]byte {
	out := make([][]byte, len(ks))
	for i, k := range ks {
		out[i] = []byte(k)
	}
	return out
}

type tb interface {
	Context() context.Context
	Fatal(args ...any)
	Helper()
}

func commit(t tb, m store.Metadata, b store.Batch) {
	t.Helper()
	if err := m.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func getMany(t tb, m store.Metadata, ks ...string) [][]byte {
	t.Helper()
	got, err := m.GetMany(t.Context(), keys(ks...))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func dump(t tb, m store.Metadata) []store.Pair {
	t.Helper()
	all, err := Dump(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
