package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/storetest"
)

// TestTwoPublishersMakeOneLog of ten thousand events, in each namespace.
func TestTwoPublishersMakeOneLog(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.put("acme/a", "v0", 1, 1, 100)
	w.put("other/a", "v0", 1, 1, 100)
	into := [...]store.Artifact{w.resolve("acme/a:v0"), w.resolve("other/a:v0")}
	const events = 5000
	var publishers sync.WaitGroup
	for publisher := range 2 {
		publishers.Go(func() {
			// Many at once, as a daemon's clients would.
			var clients sync.WaitGroup
			for client := range 50 {
				clients.Go(func() {
					for i := range events / 50 {
						a := into[i%2]
						if err := setTag(ctx, w.s, a, a.Repository, fmt.Sprintf("t-%d-%d-%d", publisher, client, i%20)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			clients.Wait()
		})
	}
	publishers.Wait()
	heads, err := checkLogs(ctx, w.s, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The node's log has the two claims, the others a publication each.
	for namespace, size := range map[string]uint64{"": 2, "acme": events + 1, "other": events + 1} {
		if heads[namespace].Size != size {
			t.Errorf("log %q has %d events, not %d", namespace, heads[namespace].Size, size)
		}
	}
	w.stop()
	w.open()
	if _, err := checkLogs(ctx, w.s, heads); err != nil {
		t.Error(err)
	}
}

// views are the rows of an index that follow from the logs.
func (w *world) views() map[string]string {
	rows := w.rows()
	maps.DeleteFunc(rows, func(k, _ string) bool { return !strings.Contains("atnrokcwv", k[:1]) })
	return rows
}

// history makes events of every kind that a namespace has.
func (w *world) history() {
	w.t.Helper()
	w.put("acme/a", "v1", 1, 3, 5000)
	w.put("acme/a", "v2", 2, 3, 5000)
	w.put("acme/b", "v1", 3, 3, 5000)
	for _, err := range []error{
		setTag(w.t.Context(), w.s, w.resolve("acme/a:v1"), "acme/a", "latest"),
		setTag(w.t.Context(), w.s, w.resolve("acme/a:v2"), "acme/a", "latest"),
		setTag(w.t.Context(), w.s, w.resolve("acme/a:v2"), "else/where", "copy"),
		w.s.Untag(w.t.Context(), "acme/a", "v2"),
	} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.remove("acme/b:v1")
	w.keyEvents()
}

// keyEvents makes events of every kind that a node has.
func (w *world) keyEvents() {
	w.t.Helper()
	ctx := w.t.Context()
	id := func(c string) string { return strings.Repeat(c, 64) }
	const pem = "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"
	for _, e := range []struct {
		kind eventlog.Kind
		p    eventlog.Payload
	}{
		{eventlog.KeyAdded, eventlog.Payload{Name: "ci", Key: id("a"), PEM: pem}},
		{eventlog.KeyAdded, eventlog.Payload{Name: "ops", Key: id("b"), PEM: pem}},
		{eventlog.KeyRotated, eventlog.Payload{Name: "ci", Key: id("c"), PEM: pem, Replaces: id("a")}},
		{eventlog.KeyRevoked, eventlog.Payload{Key: id("b"), Reason: "lost"}},
	} {
		if _, err := w.s.RecordKey(ctx, e.kind, e.p); err != nil {
			w.t.Fatal(err)
		}
	}
	for epoch := range uint64(2) {
		if err := w.s.SetPolicy(ctx, []byte("an envelope"), 2*epoch+1); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestRebuiltViewsAreTheSame, to the byte, and so is their hash.
func TestRebuiltViewsAreTheSame(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.history()
	before, rows := w.state(), w.views()
	var done, total uint64
	if err := w.s.Rebuild(ctx, func(d, n uint64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	if done != total || done != before.Events {
		t.Errorf("%d of %d events were applied; there are %d", done, total, before.Events)
	}
	if after := w.state(); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
	if again := w.views(); !maps.Equal(again, rows) {
		t.Errorf("the rows differ: %v", slices.Sorted(maps.Keys(again)))
	}
	if _, err := checkLogs(ctx, w.s, nil); err != nil {
		t.Error(err)
	}
	if err := w.s.Untag(ctx, "acme/a", "v1"); err != nil { // it goes on
		t.Error(err)
	}
}

func (w *world) state() store.State {
	w.t.Helper()
	st, err := w.s.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// TestARebuildThatIsCutShortIsCompleted when the store is next opened, whichever
// of its commits was the last.
func TestARebuildThatIsCutShortIsCompleted(t *testing.T) {
	for n := 1; ; n++ {
		p, faulty := newPlanes(1)
		w := newWorld(t, func(o *store.Options) { o.Packs, o.Meta = p.fs, faulty })
		w.history()
		before := w.state()
		made := faulty.Commits()
		faulty.FailAt(made+n, storetest.Failed)
		err := w.s.Rebuild(t.Context(), nil)
		whole := err == nil
		if !whole {
			if _, err := w.s.Resolve(t.Context(), dag.Reference{Repository: "acme/a", Tag: "v1"}); n > 1 && !fault.Is(err, fault.Unavailable) {
				t.Errorf("commit %d failed, and reading says %v", n, err)
			}
			if _, err := w.s.Collect(t.Context(), store.CollectOptions{Dead: 1e-9}); n > 1 && err == nil {
				t.Errorf("commit %d failed, and a collection ran without roots", n)
			}
			w.stop()
			w.open()
		}
		if after := w.state(); after != before {
			t.Errorf("commit %d failed: %+v became %+v", n, before, after)
		}
		if whole {
			if n < 3 {
				t.Errorf("a rebuild of %d commits", faulty.Commits()-made)
			}
			return
		}
	}
}

// TestThePastIsReplayed: what a namespace held after each of its events.
func TestThePastIsReplayed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	var shown []string // by size of the log
	list := func(list func(context.Context, string, func(store.Artifact) error) error) string {
		var lines []string
		err := list(ctx, "acme/", func(a store.Artifact) error {
			lines = append(lines, fmt.Sprint(a))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "\n")
	}
	shown = append(shown, "")
	see := func() { shown = append(shown, list(w.s.Artifacts)) }
	for i := range 6 {
		w.put("acme/a", fmt.Sprintf("v%d", i%3), uint64(i), 1, 900)
		see()
	}
	w.remove("acme/a:v1")
	see()
	for size, want := range shown {
		past, err := w.s.At(ctx, "acme", uint64(size))
		if err != nil {
			t.Fatal(err)
		}
		if got := list(past.Artifacts); got != want {
			t.Errorf("after %d events:\n%s\nand it was\n%s", size, got, want)
		}
	}
	if _, err := w.s.At(ctx, "acme", uint64(len(shown))); !fault.Is(err, fault.NotFound) {
		t.Errorf("the future: %v", err)
	}
	if _, err := w.s.At(ctx, "nobody", 0); !fault.Is(err, fault.NotFound) {
		t.Errorf("a log that is not there: %v", err)
	}
}

// memoryMark is a watermark outside of the store's planes.
type memoryMark struct {
	mark  store.Mark
	known bool
	fail  error
}

func (m *memoryMark) Load() (store.Mark, bool, error) { return m.mark, m.known, nil }
func (m *memoryMark) Save(mark store.Mark) error {
	if m.fail == nil {
		m.mark, m.known = mark, true
	}
	return m.fail
}

// TestAnOlderCopyDoesNotAppend, and can be read; nor does one with another
// history of the same length.
func TestAnOlderCopyDoesNotAppend(t *testing.T) {
	var mark memoryMark
	w := newWorld(t, func(o *store.Options) { o.Watermark = &mark })
	w.put("acme/a", "v1", 1, 1, 500)
	older := mark
	w.put("acme/a", "v2", 2, 1, 500)
	w.stop()
	w.open()
	w.put("acme/a", "v3", 3, 1, 500) // it is as far as its mark
	if mark.mark.Sequence != 4 {
		t.Errorf("the mark is at %d", mark.mark.Sequence)
	}
	w.stop()
	newer := mark
	for name, m := range map[string]memoryMark{
		"further":       {mark: store.Mark{Sequence: newer.mark.Sequence + 1}, known: true},
		"other history": {mark: store.Mark{Sequence: newer.mark.Sequence, Chain: [32]byte{1}}, known: true},
	} {
		mark = m
		w.open()
		if _, err := put(t.Context(), w.s, "acme/a", "v4", 4, 1, 500); !fault.Is(err, fault.Denied) || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		w.resolve("acme/a:v3")
		if mark != m {
			t.Errorf("%s: the mark has moved", name)
		}
		w.stop()
	}
	mark = older // lost in a crash: it protects less, and harms nothing
	w.open()
	w.put("acme/a", "v4", 4, 1, 500)
	mark.fail = errors.New("the disk of the state directory is full")
	w.put("acme/a", "v5", 5, 1, 500) // what is durable is not denied
}

// TestWithoutAKeyNothingIsAppended, and everything can be read.
func TestWithoutAKeyNothingIsAppended(t *testing.T) {
	w := newWorld(t)
	w.put("acme/a", "v1", 1, 1, 500)
	w.stop()
	w.opt.Checkpoints = nil
	w.open()
	if _, err := put(t.Context(), w.s, "acme/a", "v2", 2, 1, 500); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	w.resolve("acme/a:v1")
}
