package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node/ingest"
)

// null is a sink that keeps nothing.
type null struct{}

func (null) Receive(context.Context, dag.Block) (bool, error) { return true, nil }
func (null) Flush(context.Context) error                      { return nil }

func run(b *testing.B, req ingest.Request) {
	req.Profile = profile(b)
	if _, err := ingest.Ingest(b.Context(), null{}, req); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLargeFile reads a file of 1 GiB from the page cache. sys-MB is what
// the process has taken from the system for its heap in all, tests included.
func BenchmarkLargeFile(b *testing.B) {
	const size = 1 << 30
	path := filepath.Join(b.TempDir(), "large")
	f, err := os.Create(path)
	check(b, err)
	piece := random(1, 8<<20)
	for i := range size / len(piece) {
		piece[0], piece[1] = byte(i), byte(i>>8)
		_, err := f.Write(piece)
		check(b, err)
	}
	check(b, f.Close())
	for _, c := range []struct {
		name string
		req  ingest.Request
	}{
		{"sha256", ingest.Request{}},
		{"sha256+blake3", ingest.Request{WholeBLAKE3: true}},
		{"bare", ingest.Request{WithoutSHA256: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.req.Paths = []string{path}
			b.SetBytes(size)
			for b.Loop() {
				run(b, c.req)
			}
			heap(b)
		})
	}
}

// BenchmarkSparse reads a hole of 1 GiB.
func BenchmarkSparse(b *testing.B) {
	path := write(b, filepath.Join(b.TempDir(), "sparse"), nil)
	check(b, os.Truncate(path, 1<<30))
	b.SetBytes(1 << 30)
	for b.Loop() {
		run(b, ingest.Request{Paths: []string{path}})
	}
}

// BenchmarkSmallFiles reads 100,000 files of 1 KiB, in 100 directories, from
// the page cache.
func BenchmarkSmallFiles(b *testing.B) {
	dir := b.TempDir()
	for i := range 100_000 {
		sub := filepath.Join(dir, fmt.Sprint(i/1000))
		if i%1000 == 0 {
			check(b, os.Mkdir(sub, 0o755))
		}
		check(b, os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), fmt.Appendf(nil, "%01024d", i), 0o644))
	}
	for b.Loop() {
		run(b, ingest.Request{Paths: []string{dir}})
	}
	heap(b)
}

func heap(b *testing.B) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys-m.HeapReleased)/1e6, "sys-MB")
}
