package store_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// TestManyPublishAtOnce has 32 goroutines publish equal and distinct content
// into one repository and their own, beside collections and checks. Each change
// has its number, and none is missing.
func TestManyPublishAtOnce(t *testing.T) {
	const workers, rounds = 32, 6
	w := newWorld(t, func(o *store.Options) { o.SegmentSize = 2 << 20 })
	ctx := t.Context()
	var publishing, others sync.WaitGroup
	stop := make(chan struct{})
	other := func(work func() error) {
		others.Go(func() {
			for {
				if err := work(); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	var checking sync.Mutex // a check refuses to run beside a collection
	other(func() error {
		checking.Lock()
		defer checking.Unlock()
		_, err := w.s.Collect(ctx, store.CollectOptions{Dead: 0.1})
		return err
	})
	other(func() error {
		checking.Lock()
		defer checking.Unlock()
		report, err := w.s.Fsck(ctx, nil)
		if err != nil {
			err = fmt.Errorf("fsck beside publishing: %w: %+v", err, report.Problems)
		}
		return err
	})
	for i := range workers {
		publishing.Go(func() {
			for round := range rounds {
				own := fmt.Sprintf("acme/own-%d", i)
				if _, err := put(ctx, w.s, "acme/shared", fmt.Sprintf("r%d", round), uint64(round), 4, 20_000); err != nil {
					t.Error(err)
				}
				if _, err := put(ctx, w.s, own, "latest", uint64(1000+i*rounds+round), 2, 20_000); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publishing.Wait()
	close(stop)
	others.Wait()
	const changes = workers*rounds*2 + 1 // with the claim of the namespace
	if got := binary.BigEndian.Uint64([]byte(w.rows()["msequence"])); got != changes {
		t.Errorf("the last event is number %d of %d", got, changes)
	}
	seen := make(map[uint64]bool)
	for id := range uint64(1000) {
		_, err := pack.Check(w.opt.Packs, id, w.opt.ID, func(f *pack.Frame) error {
			for i, r := range f.Records {
				if r.Type == pack.Event {
					seen[sequenceOf(t, f.Payload(i))] = true
				}
			}
			return nil
		})
		if err != nil {
			continue // there is no such segment
		}
	}
	for n := uint64(1); n <= changes; n++ {
		if !seen[n] {
			t.Errorf("event %d is not in the packs", n)
		}
	}
	if len(seen) != changes {
		t.Errorf("%d numbers for %d events", len(seen), changes)
	}
	if st, err := w.s.Stats(ctx); err != nil || st.Repositories != workers+1 || st.Artifacts != workers*rounds+rounds {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestWhoeverStopsWaitingLeavesNothingBehind ends the store under 16 writers:
// each hears of it, and what was acknowledged is there afterwards.
func TestWhoeverStopsWaitingLeavesNothingBehind(t *testing.T) {
	w := newWorld(t, func(o *store.Options) { o.SegmentSize = 2 << 20 })
	for round := range 5 {
		var mu sync.Mutex // guards acknowledged
		var acknowledged []artifact
		var working sync.WaitGroup
		var done atomic.Int32
		some := make(chan struct{})
		for i := range 16 {
			working.Go(func() {
				for n := 0; ; n++ {
					a, err := put(t.Context(), w.s, "acme/a", "", uint64(round*100000+i*1000+n), 2, 20_000)
					if err != nil {
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, a)
					mu.Unlock()
					if done.Add(1) == 40 {
						close(some)
					}
				}
			})
		}
		<-some
		if err := w.close(); err != nil {
			t.Fatalf("run: %v", err)
		}
		working.Wait()
		w.open()
		for _, a := range acknowledged {
			w.has(a)
		}
	}
}

// countingFS counts what is read of segment files, by the file.
type countingFS struct {
	pack.FS
	opened atomic.Int64
	read   atomic.Int64
}

func (c *countingFS) Open(name string) (pack.File, error) {
	c.opened.Add(1)
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &countingFile{File: f, read: &c.read}, nil
}

type countingFile struct {
	pack.File
	read *atomic.Int64
}

func (c *countingFile) ReadAt(p []byte, off int64) (int, error) {
	c.read.Add(int64(len(p)))
	return c.File.ReadAt(p, off)
}

// TestOpeningDoesNotReadSealedSegments opens a store of many segments, and of
// a million rows in its index: it looks at the one that grows.
func TestOpeningDoesNotReadSealedSegments(t *testing.T) {
	fs := &countingFS{}
	meta := &countingMetadata{Metadata: storetest.NewMemory()}
	w := newWorld(t, small, func(o *store.Options) { fs.FS, o.Packs, o.Meta = o.Packs, fs, meta })
	for i := range 6 {
		w.put("acme/a", "v", uint64(i), 20, 100_000)
	}
	w.stop()
	fillIndex(t, meta.Metadata, 1_000_000)
	fs.opened.Store(0)
	fs.read.Store(0)
	meta.visited.Store(0)
	w.open()
	if opened, read := fs.opened.Load(), fs.read.Load(); opened > 2 || read > 64<<10 {
		t.Errorf("opening read %d bytes of %d files", read, opened)
	}
	if n := meta.visited.Load(); n > 100 {
		t.Errorf("opening went through %d rows", n)
	}
	w.stop()
	w.s = nil // the rows that were filled in name nothing
}

// countingMetadata counts the rows that are gone through.
type countingMetadata struct {
	store.Metadata
	visited atomic.Int64
}

func (c *countingMetadata) Iterate(ctx context.Context, prefix, from []byte, fn func(k, v []byte) error) error {
	return c.Metadata.Iterate(ctx, prefix, from, func(k, v []byte) error {
		c.visited.Add(1)
		return fn(k, v)
	})
}

// sequenceOf returns the number of an encoded record.
func sequenceOf(t *testing.T, encoded []byte) uint64 {
	t.Helper()
	var c struct {
		Version   uint64 `cbor:"v"`
		Sequence  uint64 `cbor:"sequence"`
		Namespace string `cbor:"namespace"`
		Origin    string `cbor:"origin"`
		Index     uint64 `cbor:"index"`
		Leaf      []byte `cbor:"leaf"`
		Salt      []byte `cbor:"salt,omitempty"`
		Payload   []byte `cbor:"payload,omitempty"`
	}
	if err := dagcbor.Unmarshal(encoded, &c); err != nil {
		t.Fatal(err)
	}
	return c.Sequence
}

func fillIndex(t *testing.T, m store.Metadata, n int) {
	t.Helper()
	row := []byte{1, 0, 1, 200, 1, 200, 1, 100, 100} // a place in the first segment
	for from := 0; from < n; from += store.MaxBatchOps {
		var b store.Batch
		for i := from; i < min(from+store.MaxBatchOps, n); i++ {
			d := dag.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
			b.Put = append(b.Put, store.Pair{Key: append([]byte("b\x00\x00\x00\x00"), d[:]...), Value: row})
		}
		if err := m.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}
