package chunk_test

import (
	"testing"

	"github.com/zeebo/blake3"

	"github.com/tegwick/artifact-store/dag/chunk"
)

// BenchmarkCut cuts random bytes that fit the processor's cache, as the data
// is when it has just been read.
func BenchmarkCut(b *testing.B) {
	data := make([]byte, 1<<20)
	_, _ = blake3.New().Digest().Read(data)
	for _, id := range []string{chunk.Default, chunk.Fine} {
		b.Run(id, func(b *testing.B) {
			p, err := chunk.Lookup(id)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				for rest := data; len(rest) > 0; {
					rest = rest[p.Cut(rest):]
				}
			}
		})
	}
}
