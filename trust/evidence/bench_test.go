package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/trust"
)

// heavy publishes 100 MB.
func heavy(b *testing.B) (*world, Request) {
	w := newWorld(b)
	data := make([]byte, 100<<20)
	sum := sha256.Sum256([]byte("seed"))
	for at := 0; at < len(data); at += copy(data[at:], sum[:]) {
		sum = sha256.Sum256(sum[:])
	}
	m := w.artifact(dag.Manifest{}, w.file("large", data))
	return w, Request{Manifest: m.CID, Reference: dag.Reference{Repository: repository, Digest: m.CID.Digest}, Publication: w.publish(repository, m)}
}

func BenchmarkExport(b *testing.B) {
	w, req := heavy(b)
	b.SetBytes(100 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Export(context.Background(), io.Discard, w, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	w, req := heavy(b)
	file := w.export(req)
	roots := []trust.Key{w.root()}
	b.SetBytes(100 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(context.Background(), bytes.NewReader(file), roots, w.now); err != nil {
			b.Fatal(err)
		}
	}
}
