package badger_test

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
)

// indexKey is the key of a block as the index has it: a digest.
func indexKey(n int) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return append([]byte("b\x00\x00\x00\x00"), sum[:]...)
}

// index commits n block locations, from number first, in groups.
func index(b *testing.B, db *badger.DB, first, n, group int) {
	b.Helper()
	for from := first; from < first+n; from += group {
		var batch store.Batch
		for i := from; i < min(from+group, first+n); i++ {
			batch.Put = append(batch.Put, store.Pair{Key: indexKey(i), Value: make([]byte, 20)})
		}
		if err := db.Commit(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit is of one durable commit of 128 block locations.
func BenchmarkCommit(b *testing.B) {
	db := open(b, b.TempDir())
	defer db.Close()
	n := 0
	for b.Loop() {
		index(b, db, n, 128, 128)
		n += 128
	}
}

// BenchmarkMillion is of an index of a million blocks: how long it takes to
// open, to look 128 of them up, and what it has resident.
func BenchmarkMillion(b *testing.B) {
	const blocks = 1_000_000
	dir := b.TempDir()
	db := open(b, dir)
	index(b, db, 0, blocks, store.MaxBatchOps)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if err := open(b, dir).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	db = open(b, dir)
	defer db.Close()
	b.Run("lookup", func(b *testing.B) {
		n := 0
		for b.Loop() {
			keys := make([][]byte, 128)
			for i := range keys {
				keys[i] = indexKey(n * 7919 % (2 * blocks)) // half of them absent
				n++
			}
			if _, err := db.GetMany(b.Context(), keys); err != nil {
				b.Fatal(err)
			}
		}
	})
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "Rss") {
			b.Log(strings.TrimSpace(line))
		}
	}
}
