package store_test

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/pack"
)

// BenchmarkReceive is of one chunk of 64 KiB, without its hash: fresh, which is
// the copy to a group, its write and its index entry, and known.
func BenchmarkReceive(b *testing.B) {
	const size = 64 << 10
	open := func(b *testing.B) (l *store.Lease, end func()) {
		db, err := badger.Open(b.TempDir(), badger.Options{})
		if err != nil {
			b.Fatal(err)
		}
		fs, err := pack.OS(b.TempDir(), pack.OSOptions{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := store.Open(b.Context(), store.Options{ID: pack.StoreID{1}, Packs: fs, Meta: db, Now: time.Now, Site: "example.org", NodeOrigin: nodeOrigin, Checkpoints: testSigner})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		l = s.Begin()
		return l, func() {
			l.Release()
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			if err := s.Close(); err != nil {
				b.Error(err)
			}
			runtime.GC()
		}
	}
	b.Run("fresh", func(b *testing.B) {
		l, end := open(b)
		defer end()
		b.SetBytes(size)
		b.ReportAllocs()
		block := dag.Block{CID: dag.CID{Codec: dag.Raw}, Data: make([]byte, size)}
		n := uint64(0)
		for b.Loop() {
			n++ // the caller vouches for the digest, so any will do
			binary.LittleEndian.PutUint64(block.CID.Digest[:], n*0x9e3779b97f4a7c15)
			if _, err := l.Receive(b.Context(), block); err != nil {
				b.Fatal(err)
			}
		}
		if err := l.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("known", func(b *testing.B) {
		l, end := open(b)
		defer end()
		const blocks = 2000
		block := dag.Block{CID: dag.CID{Codec: dag.Raw}, Data: make([]byte, size)}
		receive := func(n uint64) {
			binary.LittleEndian.PutUint64(block.CID.Digest[:], n*0x9e3779b97f4a7c15)
			if _, err := l.Receive(b.Context(), block); err != nil {
				b.Fatal(err)
			}
		}
		for n := range uint64(blocks) {
			receive(n)
		}
		if err := l.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(size)
		b.ReportAllocs()
		n := uint64(0)
		for b.Loop() {
			receive(n % blocks)
			n++
		}
	})
}
