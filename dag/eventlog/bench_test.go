package eventlog_test

import (
	"context"
	"encoding/binary"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
)

// benchPayload is a usual publication.
func benchPayload() eventlog.Payload {
	return eventlog.Payload{
		Repository: "acme/reports/weekly", Tag: "v1.2.3", ArtifactType: "application/vnd.acme.report.v1+json",
		Manifest: &dag.CID{Codec: dag.Cbor, Digest: dag.Sum([]byte("manifest"))},
	}
}

func BenchmarkNewEntry(b *testing.B) {
	b.ReportAllocs()
	p := benchPayload()
	for i := 0; b.Loop(); i++ {
		var salt [32]byte
		binary.BigEndian.PutUint64(salt[:], uint64(i))
		if _, err := eventlog.NewEntry(eventlog.ArtifactPublished, 1_700_000_000_000, salt, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	e, err := eventlog.NewEntry(eventlog.ArtifactPublished, 1_700_000_000_000, [32]byte{1}, benchPayload())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Open(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshalEntry(b *testing.B) {
	b.ReportAllocs()
	e, err := eventlog.NewEntry(eventlog.ArtifactPublished, 1_700_000_000_000, [32]byte{1}, benchPayload())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalEntry(b *testing.B) {
	b.ReportAllocs()
	e, err := eventlog.NewEntry(eventlog.ArtifactPublished, 1_700_000_000_000, [32]byte{1}, benchPayload())
	if err != nil {
		b.Fatal(err)
	}
	data, err := e.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := eventlog.UnmarshalEntry(data); err != nil {
			b.Fatal(err)
		}
	}
}

// million builds a tree of a million leaves, and keeps its tiles.
func million(tb testing.TB) (*eventlog.Tree, memory) {
	tb.Helper()
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tiles := memory{}
	for i := range 1_000_000 {
		tree.Append(leafAt(uint64(i)))
		if i%1000 == 0 {
			tiles.put(tree)
		}
	}
	tiles.put(tree)
	return tree, tiles
}

func leafAt(i uint64) eventlog.Hash {
	return tlog.RecordHash(binary.BigEndian.AppendUint64(nil, i))
}

func BenchmarkAppend(b *testing.B) {
	tree, _ := million(b)
	leaf := leafAt(0)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		tree.Append(leaf)
		if i%1000 == 0 {
			tree.Changed()
		}
	}
}

// BenchmarkCommit is the tree's part of a commit of one event.
func BenchmarkCommit(b *testing.B) {
	tree, _ := million(b)
	leaf := leafAt(0)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		tree.Append(leaf)
		_ = tree.Changed()
		_ = tree.Root()
	}
}

func BenchmarkProveInclusion(b *testing.B) {
	tree, tiles := million(b)
	size, root := tree.Size(), tree.Root()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		index := uint64(i) * 7919 % size
		proof, err := eventlog.ProveInclusion(context.Background(), tiles, size, root, index)
		if err != nil {
			b.Fatal(err)
		}
		if err := eventlog.CheckInclusion(proof, size, root, index, leafAt(index)); err != nil {
			b.Fatal(err)
		}
	}
}
