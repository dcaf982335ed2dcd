package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

func testIteration(t *testing.T, open OpenMetadata) {
	m, reopen := open(t)
	all := []string{"\x00", "a", "a\x00", "a\x00b", "aa", "ab", "b", "b\xff", "b\xff\xff", "c", "\xff", "\xff\xff"}
	// Half of them reach the engine's lower layers before the other half.
	for half := range 2 {
		for i := half; i < len(all); i += 2 {
			commit(t, m, store.Batch{Put: []store.Pair{pair(all[i], "v"+all[i])}})
		}
		m = reopen()
	}
	for _, prefix := range []string{"", "a", "a\x00", "b", "b\xff", "\xff", "none", "\x00\x00"} {
		for _, from := range append([]string{"", "bb", "\xff\xff\xff"}, all...) {
			var want, got []string
			for _, k := range all {
				if len(k) >= len(prefix) && k[:len(prefix)] == prefix && k >= from {
					want = append(want, k)
				}
			}
			err := m.Iterate(t.Context(), []byte(prefix), []byte(from), func(k, v []byte) error {
				if string(v) != "v"+string(k) {
					t.Errorf("key %q has value %q", k, v)
				}
				got = append(got, string(k))
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("prefix %q from %q: %q, %v; want %q", prefix, from, got, err, want)
			}
		}
	}
}

func testIterationStops(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	commit(t, m, store.Batch{Put: []store.Pair{pair("a", ""), pair("b", ""), pair("c", "")}})
	stop := errors.New("enough")
	seen := 0
	err := m.Iterate(t.Context(), nil, nil, func(k, _ []byte) error {
		if seen++; string(k) == "b" {
			return stop
		}
		return nil
	})
	if err != stop || seen != 2 {
		t.Fatalf("%v after %d keys, want fn's own error after 2", err, seen)
	}
}

// testSnapshot changes everything from within an iteration, which must not see
// it, while reads from within do.
func testSnapshot(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	const n = 500
	var b store.Batch
	for i := range n {
		b.Put = append(b.Put, pair(fmt.Sprintf("k%03d", i), "old"))
	}
	commit(t, m, b)
	seen := 0
	err := m.Iterate(t.Context(), []byte("k"), nil, func(k, v []byte) error {
		if want := fmt.Sprintf("k%03d", seen); string(k) != want || string(v) != "old" {
			t.Fatalf("key %d is %q=%q", seen, k, v)
		}
		seen++
		if seen%100 != 1 {
			return nil
		}
		change := store.Batch{Delete: keys(fmt.Sprintf("k%03d", n-seen))}
		for i := range n / 2 {
			change.Put = append(change.Put, pair(fmt.Sprintf("k%03d", 2*i), fmt.Sprint("new", seen)), pair(fmt.Sprintf("k%03d+", i), ""))
		}
		commit(t, m, change)
		if got := getMany(t, m, "k000"); string(got[0]) != fmt.Sprint("new", seen) {
			t.Fatalf("a read during an iteration does not see the last commit: %q", got[0])
		}
		return nil
	})
	if err != nil || seen != n {
		t.Fatalf("%d keys of %d: %v", seen, n, err)
	}
}

// testCompareAndSet has many workers add to one counter by requirement alone.
func testCompareAndSet(t *testing.T, open OpenMetadata) {
	m, reopen := open(t)
	const workers, each = 8, 25
	key := []byte("counter")
	add := func() error {
		for {
			old, err := m.GetMany(t.Context(), [][]byte{key})
			if err != nil {
				return err
			}
			next := uint64(1)
			if old[0] != nil {
				next = binary.BigEndian.Uint64(old[0]) + 1
			}
			err = m.Commit(t.Context(), store.Batch{
				Require: []store.Require{{Key: key, Value: old[0]}},
				Put:     []store.Pair{{Key: key, Value: binary.BigEndian.AppendUint64(nil, next)}},
			})
			if !fault.Is(err, fault.Conflict) {
				return err
			}
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := add(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	m = reopen()
	got, err := m.GetMany(t.Context(), [][]byte{key})
	if err != nil || !bytes.Equal(got[0], binary.BigEndian.AppendUint64(nil, workers*each)) {
		t.Fatalf("the counter is %x: %v", got, err)
	}
}

// testConcurrentAtomicity has writers change a set of keys together while
// readers check that they never see a part of it.
func testConcurrentAtomicity(t *testing.T, open OpenMetadata) {
	m, _ := open(t)
	const writers, each, rows = 4, 30, 20
	ctx, stop := context.WithCancel(t.Context())
	var writing, reading sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				var b store.Batch
				for r := range rows {
					b.Put = append(b.Put, pair(fmt.Sprintf("%d/%02d", w, r), fmt.Sprint(i)))
				}
				if err := m.Commit(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
		})
		reading.Go(func() {
			for ctx.Err() == nil {
				values := make(map[string]int)
				err := m.Iterate(t.Context(), fmt.Appendf(nil, "%d/", w), nil, func(_, v []byte) error { values[string(v)]++; return nil })
				if err != nil {
					t.Error(err)
				}
				for v, n := range values {
					if n != rows || len(values) != 1 {
						t.Errorf("%d of %d rows hold %q", n, rows, v)
					}
				}
			}
		})
	}
	writing.Wait()
	stop()
	reading.Wait()
	if got := dump(t, m); len(got) != writers*rows {
		t.Fatalf("%d keys", len(got))
	}
}

// testModel runs random operations on the plane and on [NewMemory].
func testModel(t *testing.T, open OpenMetadata) {
	key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 1, 3)
	value := rapid.SliceOfN(rapid.Byte(), 0, 4)
	rapid.Check(t, func(rt *rapid.T) {
		scope := &rapidScope{TB: t}
		defer scope.end()
		m, reopen := open(scope)
		model := NewMemory()
		ctx := t.Context()
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) {
				if got, want := dump(rt, m), dump(rt, model); !reflect.DeepEqual(got, want) {
					rt.Fatalf("holds %q, want %q", got, want)
				}
			},
			"commit": func(rt *rapid.T) {
				var b store.Batch
				for _, k := range rapid.SliceOfN(key, 0, 4).Draw(rt, "put") {
					b.Put = append(b.Put, store.Pair{Key: k, Value: value.Draw(rt, "value")})
				}
				b.Delete = rapid.SliceOfN(key, 0, 2).Draw(rt, "delete")
				for _, k := range rapid.SliceOfN(key, 0, 2).Draw(rt, "require") {
					held := getMany(rt, model, string(k))[0]
					if rapid.IntRange(0, 3).Draw(rt, "unmet") == 0 {
						held = value.Draw(rt, "required")
					}
					b.Require = append(b.Require, store.Require{Key: k, Value: held})
				}
				got, want := m.Commit(ctx, b), model.Commit(ctx, b)
				if fault.KindOf(got) != fault.KindOf(want) || (got == nil) != (want == nil) {
					rt.Fatalf("commit: %v, want %v", got, want)
				}
			},
			"get": func(rt *rapid.T) {
				ks := rapid.SliceOfN(key, 0, 5).Draw(rt, "keys")
				got, err := m.GetMany(ctx, ks)
				want, _ := model.GetMany(ctx, ks)
				if err != nil || !reflect.DeepEqual(got, want) {
					rt.Fatalf("get: %q, %v; want %q", got, err, want)
				}
			},
			"iterate": func(rt *rapid.T) {
				prefix, from := key.Draw(rt, "prefix"), key.Draw(rt, "from")
				prefix = prefix[:rapid.IntRange(0, len(prefix)).Draw(rt, "prefix length")]
				var lists [2][]string
				for i, p := range []store.Metadata{m, model} {
					if err := p.Iterate(ctx, prefix, from, func(k, v []byte) error {
						lists[i] = append(lists[i], fmt.Sprintf("%q=%q", k, v))
						return nil
					}); err != nil {
						rt.Fatal(err)
					}
				}
				if !slices.Equal(lists[0], lists[1]) {
					rt.Fatalf("prefix %q from %q: %v, want %v", prefix, from, lists[0], lists[1])
				}
			},
			"reopen": func(*rapid.T) {
				if scope.reopened++; scope.reopened <= 3 { // it is dear
					m = reopen()
				}
			},
		})
	})
}

// rapidScope is a test's TB whose cleanup comes at the end of one check.
type rapidScope struct {
	testing.TB
	reopened int
	cleanups []func()
}

// Cleanup registers f for the end of the check.
func (s *rapidScope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *rapidScope) end() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}
