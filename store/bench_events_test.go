package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/pack"
)

// BenchmarkEvents appends durable events: tags that move, by so many clients.
func BenchmarkEvents(b *testing.B) {
	for _, clients := range []int{1, 64, 2048} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s, a := benchStore(b)
			b.ReportAllocs()
			b.ResetTimer()
			var wait sync.WaitGroup
			for c := range clients {
				wait.Go(func() {
					for i := c; i < b.N; i += clients {
						if err := setTag(b.Context(), s, a, a.Repository, fmt.Sprintf("t%d", i%10_000)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wait.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// benchStore is a store on disk with one artifact.
func benchStore(b *testing.B) (*store.Store, store.Artifact) {
	b.Helper()
	fs, err := pack.OS(b.TempDir(), pack.OSOptions{})
	if err != nil {
		b.Fatal(err)
	}
	db, err := badger.Open(b.TempDir(), badger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), store.Options{
		ID: pack.StoreID{1}, Packs: fs, Meta: db, Now: time.Now,
		Site: "example.org", NodeOrigin: nodeOrigin, Checkpoints: testSigner,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	made, err := put(ctx, s, "acme/a", "v0", 1, 1, 1000)
	if err != nil {
		b.Fatal(err)
	}
	return s, store.Artifact{Repository: "acme/a", Manifest: made.manifest}
}
