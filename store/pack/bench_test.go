package pack_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store/pack"
)

// BenchmarkAppend64KiB appends records of 64 KiB by batches of a size, durable
// after each, and seals every segment. One segment is on the disk at a time;
// -benchtime=5000x writes 2 GiB in all.
func BenchmarkAppend64KiB(b *testing.B) {
	for _, opt := range []pack.OSOptions{{}, {Buffered: true}} {
		for _, mib := range []int{4, 8, 16} {
			b.Run(fmt.Sprintf("buffered=%v/batch=%dMiB", opt.Buffered, mib), func(b *testing.B) {
				benchmarkAppend(b, opt, mib<<20)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, opt pack.OSOptions, capacity int) {
	fs, err := pack.OS(b.TempDir(), opt)
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 64<<10)
	for i := range payload {
		payload[i] = byte(rand.Uint32())
	}
	r := pack.Record{Type: pack.Chunk, Plain: 64 << 10, Digest: dag.Sum(payload), Payload: payload}
	b.SetBytes(int64(len(payload)))
	batch := pack.NewBatch(capacity)
	var w *pack.Writer
	var id uint64
	flush := func() {
		if w == nil || w.Room() < int64(batch.Bytes()) {
			w, id = nextSegment(b, fs, w, id)
		}
		if _, err := w.Append(batch, time.Now()); err != nil {
			b.Fatal(err)
		}
		batch.Reset()
	}
	for b.Loop() {
		if _, ok := batch.Add(r); !ok {
			flush()
			batch.Add(r)
		}
	}
	flush()
	if _, err := w.Seal(); err != nil {
		b.Fatal(err)
	}
}

// nextSegment seals a segment and begins another; older ones go.
func nextSegment(b *testing.B, fs pack.FS, w *pack.Writer, id uint64) (*pack.Writer, uint64) {
	b.Helper()
	if w != nil {
		if _, err := w.Seal(); err != nil {
			b.Fatal(err)
		}
		if err := fs.Remove(pack.Name(id)); err != nil {
			b.Fatal(err)
		}
	}
	w, err := pack.Create(fs, id+1, storeID, pack.DefaultSegment)
	if err != nil {
		b.Fatal(err)
	}
	return w, id + 1
}

// BenchmarkSingle is one durable record of 64 KiB at a time, beside a write of
// as many bytes and a sync of the operating system.
func BenchmarkSingle(b *testing.B) {
	for _, opt := range []pack.OSOptions{{}, {Buffered: true}} {
		b.Run(fmt.Sprintf("append/buffered=%v", opt.Buffered), func(b *testing.B) {
			fs, err := pack.OS(b.TempDir(), opt)
			if err != nil {
				b.Fatal(err)
			}
			batch := pack.NewBatch(0)
			batch.Add(pack.Record{Type: pack.Chunk, Plain: 64 << 10, Payload: make([]byte, 64<<10)})
			var w *pack.Writer
			var id uint64
			percentiles(b, func() {
				if w == nil || w.Room() < int64(batch.Bytes()) {
					w, id = nextSegment(b, fs, w, id)
				}
			}, func() error {
				_, err := w.Append(batch, time.Now())
				return err
			})
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("write and sync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		p := make([]byte, 64<<10)
		var off int64
		percentiles(b, func() {}, func() error {
			if _, err := f.WriteAt(p, off); err != nil {
				return err
			}
			off += int64(len(p))
			return f.Sync()
		})
	})
}

// percentiles times do alone.
func percentiles(b *testing.B, prepare func(), do func() error) {
	var took []time.Duration
	for b.Loop() {
		prepare()
		start := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkSeal seals a segment of many small records: heads are read back,
// digests sorted.
func BenchmarkSeal(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		fs, err := pack.OS(b.TempDir(), pack.OSOptions{})
		if err != nil {
			b.Fatal(err)
		}
		w, batch := newSegment(b, fs, 64<<20), pack.NewBatch(16<<20)
		for i := 0; w.Room() > 17<<20; i++ {
			plain := fmt.Appendf(make([]byte, 1000), "%d", i)
			if _, ok := batch.Add(record(plain, pack.Chunk, pack.None)); !ok {
				appendBatch(b, w, batch, i)
				batch.Reset()
			}
		}
		b.StartTimer()
		if _, err := w.Seal(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(w.State().Slots), "records")
		if err := fs.Remove(pack.Name(1)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
