package restore_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node/restore"
)

// large returns an artifact of one file of 256 MiB in chunks of 64 KiB, whose
// content repeats so that the getter's memory is not what is measured. The
// getter hashes each chunk, as a store does.
func large(b *testing.B) (m *memory, root dag.CID, size int64) {
	b.Helper()
	m = newMemory()
	part := noise(1, 8<<20)
	content := make([]byte, 0, 256<<20)
	for range 32 {
		content = append(content, part...)
	}
	sum := sha256.Sum256(content)
	layer := dag.FileLayer("large", 0o644, m.cut(b, content, 64<<10, dag.Digests{"sha256": sum[:]}))
	return m, m.manifest(b, dag.Manifest{}, layer), int64(len(content))
}

func BenchmarkRestoreLarge(b *testing.B) {
	m, root, size := large(b)
	target := b.TempDir()
	b.SetBytes(size)
	for b.Loop() {
		run(b, m, root, target)
		b.StopTimer()
		must(b, os.Remove(filepath.Join(target, "large")))
		b.StartTimer()
	}
}

// BenchmarkRestoreAgain finds a large file in its place.
func BenchmarkRestoreAgain(b *testing.B) {
	m, root, size := large(b)
	target := b.TempDir()
	run(b, m, root, target)
	b.SetBytes(size)
	for b.Loop() {
		run(b, m, root, target)
	}
}

func BenchmarkVerifyLarge(b *testing.B) {
	m, root, size := large(b)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := restore.Verify(context.Background(), m, root, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 is the yardstick for the others.
func BenchmarkSHA256(b *testing.B) {
	data := []byte(noise(1, 8<<20))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		sha256.Sum256(data)
	}
}

// BenchmarkRestoreSmall writes 10,000 files of 1 KiB.
func BenchmarkRestoreSmall(b *testing.B) {
	m := newMemory()
	var layers []dag.Descriptor
	for i := range 10000 {
		name := fmt.Sprintf("dir%03d/file%05d", i/100, i)
		content := noise(1, 1000) + name
		layers = append(layers, dag.FileLayer(name, 0o644, m.blob(b, []byte(content), 64<<10)))
	}
	root := m.manifest(b, dag.Manifest{}, layers...)
	for b.Loop() {
		target := b.TempDir()
		run(b, m, root, target)
	}
	b.ReportMetric(float64(b.N)*10000/b.Elapsed().Seconds(), "files/s")
}
