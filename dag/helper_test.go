package dag_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// memory is blocks by CID, and how many were read.
type memory struct {
	blocks map[dag.CID]dag.Block
	put    []dag.Block // in order
	reads  int
}

func newMemory() *memory {
	m := &memory{blocks: map[dag.CID]dag.Block{}}
	m.blocks[dag.EmptyBlock().CID] = dag.EmptyBlock()
	return m
}

func (m *memory) Put(b dag.Block) error {
	m.blocks[b.CID] = b
	m.put = append(m.put, b)
	return nil
}

func (m *memory) Get(_ context.Context, c dag.CID) (dag.Block, error) {
	m.reads++
	if b, ok := m.blocks[c]; ok {
		return b, nil
	}
	return dag.Block{}, fault.New(fault.NotFound, "get", c.String(), "not there")
}

// chunkAt is the i-th chunk of a generated blob: i in big endian, padded with
// zeros to size, which is at least 4.
func chunkAt(i, size int) dag.Block {
	data := make([]byte, size)
	binary.BigEndian.PutUint32(data, uint32(i))
	return dag.NewBlock(dag.Raw, data)
}

// store puts content as a blob of one chunk.
func (m *memory) store(content string) dag.Blob {
	b := dag.NewBlock(dag.Raw, []byte(content))
	m.blocks[b.CID] = b
	sum := sha256.Sum256(b.Data)
	return dag.Blob{Root: b.CID, Size: uint64(len(content)), Digests: dag.Digests{"sha256": sum[:]}}
}

// file is a layer whose content is its path.
func (m *memory) file(path string) dag.Descriptor {
	return dag.FileLayer(path, 0o644, m.store(path))
}

// encode returns v as a dag-cbor block.
func encode(t testing.TB, v any) dag.Block {
	t.Helper()
	data, err := dagcbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return dag.NewBlock(dag.Cbor, data)
}

// wantFault fails unless err is of kind and says what.
func wantFault(t testing.TB, err error, kind fault.Kind, what string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), what) {
		t.Errorf("got %v (%v), want %v with %q", err, fault.KindOf(err), kind, what)
	}
}

// paths reads the layers from a path on.
func paths(t testing.TB, m *dag.Manifest, g dag.Getter, from string) []string {
	t.Helper()
	var got []string
	err := m.Layers(t.Context(), g, from, func(d dag.Descriptor) error {
		p, err := d.Path()
		got = append(got, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
