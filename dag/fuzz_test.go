package dag_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// oneBlock answers every request with one block's bytes, so that a tree leads
// a reader as far as it will go.
type oneBlock []byte

func (o oneBlock) Get(_ context.Context, c dag.CID) (dag.Block, error) {
	return dag.Block{CID: c, Data: o}, nil
}

// wantKind fails where a refusal has no kind.
func wantKind(t *testing.T, err error) {
	t.Helper()
	if fault.KindOf(err) == fault.Other {
		t.Errorf("%v is of no kind", err)
	}
}

func FuzzDecodeManifest(f *testing.F) {
	var v struct {
		Cases  []goldenArtifact
		Refuse []refusal
	}
	loadVectors(f, "manifest.json", &v)
	for _, c := range v.Cases {
		f.Add([]byte(fromHex(f, c.Manifest.Hex)))
	}
	for _, c := range v.Refuse {
		f.Add([]byte(fromHex(f, c.Hex)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := dag.NewBlock(dag.Cbor, data)
		m, err := dag.DecodeManifest(b)
		if err != nil {
			wantKind(t, err)
			return
		}
		var layers []dag.Descriptor
		err = m.Layers(t.Context(), oneBlock(data), "", func(d dag.Descriptor) error { layers = append(layers, d); return nil })
		if err != nil {
			wantKind(t, err)
			return
		}
		if json2, ok := dag.DeriveOCI(m, layers); ok && !json.Valid(json2) {
			t.Errorf("not JSON: %s", json2)
		}
		if m.OCI == nil {
			return // the builder would derive one
		}
		again, err := dag.BuildManifest(*m, layers, func(dag.Block) error { return nil })
		if err != nil || !bytes.Equal(again.Data, data) {
			t.Errorf("%x becomes %x, %v", data, again.Data, err)
		}
	})
}

func FuzzOpenBlob(f *testing.F) {
	var v struct {
		Cases []struct{ Blocks []goldenBlock }
	}
	loadVectors(f, "blob.json", &v)
	for _, c := range v.Cases {
		for _, b := range c.Blocks {
			f.Add([]byte(fromHex(f, b.Hex)), []byte("\x00\x00\x00\x01"), uint16(3))
		}
	}
	node := dag.NewBlock(dag.Cbor, []byte("below"))
	f.Add(encode(f, root(8, part(node, 4), part(node, 4))).Data, encode(f, index(4, part(chunkAt(0, 4), 4))).Data, uint16(0))
	f.Add(encode(f, root(8, part(node, 4), part(node, 4))).Data, encode(f, index(4, part(node, 4))).Data, uint16(5))
	f.Fuzz(func(t *testing.T, data, below []byte, from uint16) {
		top := dag.NewBlock(dag.Cbor, data)
		g := rootAnd{top, below}
		r, err := dag.OpenBlob(t.Context(), g, top.CID)
		if err != nil {
			wantKind(t, err)
			return
		}
		next := int64(-1)
		err = r.Chunks(t.Context(), int64(from), func(offset int64, c dag.CID, size int) error {
			if size < 1 || offset+int64(size) > r.Size() || next >= 0 && offset != next {
				t.Errorf("a chunk of %d bytes at %d, after %d of %d", size, offset, next, r.Size())
			}
			next = offset + int64(size)
			return nil
		})
		if err == nil && int64(from) < r.Size() && next != r.Size() {
			t.Errorf("the chunks end at %d of %d", next, r.Size())
		}
		if err != nil {
			wantKind(t, err)
		}
		p := make([]byte, 100)
		if n, err := r.ReadAt(t.Context(), p, int64(from)); n < len(p) && err == nil {
			t.Errorf("%d bytes and no error", n)
		}
	})
}

// rootAnd has a root, and one block's bytes for everything else.
type rootAnd struct {
	root  dag.Block
	below oneBlock
}

func (g rootAnd) Get(ctx context.Context, c dag.CID) (dag.Block, error) {
	if c == g.root.CID {
		return g.root, nil
	}
	return g.below.Get(ctx, c)
}
