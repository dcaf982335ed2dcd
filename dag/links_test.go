package dag_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/dagtest"
	"github.com/tegwick/artifact-store/dag/fault"
)

// node has a link that must be there, one that may be, and many.
type node struct {
	Root  dag.CID   `cbor:"root"`
	Maybe dag.CID   `cbor:"maybe,omitzero"`
	All   []dag.CID `cbor:"all,omitempty"`
}

func cids(n int) []dag.CID {
	out := make([]dag.CID, n)
	for i := range out {
		codec := dag.Raw
		if i%2 == 1 {
			codec = dag.Cbor
		}
		out[i] = dag.NewBlock(codec, []byte{byte(i), byte(i >> 8)}).CID
	}
	return out
}

func TestCIDIsALink(t *testing.T) {
	c := cids(2)[1]
	data, err := dagcbor.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Concat([]byte{0xd8, 42, 0x58, 37, 0}, c.Bytes()); !bytes.Equal(data, want) {
		t.Errorf("got %x, want %x", data, want)
	}
	var back dag.CID
	if err := dagcbor.Unmarshal(data, &back); err != nil || back != c {
		t.Errorf("got %v, %v", back, err)
	}
}

func TestZeroCIDIsNoLink(t *testing.T) {
	c := cids(1)[0]
	data, err := dagcbor.Marshal(node{Root: c})
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Concat([]byte{0xa1, 0x64}, []byte("root"), []byte{0xd8, 42, 0x58, 37, 0}, c.Bytes()); !bytes.Equal(data, want) {
		t.Errorf("omitzero: got %x, want %x", data, want)
	}
	for _, n := range []node{{}, {Root: c, All: []dag.CID{{}}}, {Root: dag.CID{Codec: 0x170}}} {
		if data, err := dagcbor.Marshal(n); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v encodes as %x, %v", n, data, err)
		}
	}
	var n node // {}: the root is missing
	if err := dagcbor.Unmarshal([]byte{0xa0}, &n); !fault.Is(err, fault.Invalid) {
		t.Errorf("without its root: %v", err)
	}
}

func TestOnlyALinkIsACID(t *testing.T) {
	c := cids(1)[0]
	for _, v := range []any{1, "text", c.String(), c.Bytes(), []byte{}, []any{c}, map[string]any{"/": c.String()}} {
		data, err := dagcbor.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got dag.CID
		if err := dagcbor.Unmarshal(data, &got); !fault.Is(err, fault.Invalid) || !got.IsZero() {
			t.Errorf("%v reads as %v, %v", v, got, err)
		}
	}
	link, err := c.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	for n := range link { // by the method alone, without the validator before it
		var got dag.CID
		if err := got.UnmarshalCBOR(link[:n]); !fault.Is(err, fault.Invalid) || !got.IsZero() {
			t.Errorf("%d bytes of a link read as %v, %v", n, got, err)
		}
	}
}

func TestLinksOfVectors(t *testing.T) {
	var v struct {
		Accept []struct {
			Hex   string
			Links []string
		}
		Refuse []struct{ Hex, Kind string }
	}
	if err := json.Unmarshal(dagtest.Vectors("cbor.json"), &v); err != nil {
		t.Fatal(err)
	}
	block := func(s string) dag.Block {
		data, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return dag.NewBlock(dag.Cbor, data)
	}
	for _, c := range v.Accept {
		links, err := dag.Links(block(c.Hex))
		if err != nil {
			t.Errorf("%s: %v", c.Hex, err)
		}
		var got []string
		for _, l := range links {
			got = append(got, hex.EncodeToString(l.Bytes()))
		}
		if !slices.Equal(got, c.Links) {
			t.Errorf("%s: links %q, want %q", c.Hex, got, c.Links)
		}
	}
	for _, c := range v.Refuse {
		if links, err := dag.Links(block(c.Hex)); fault.KindOf(err).String() != c.Kind || links != nil {
			t.Errorf("%s: links %v, %v, want %s", c.Hex, links, err, c.Kind)
		}
	}
	if len(v.Accept) == 0 || len(v.Refuse) == 0 {
		t.Error("no vectors")
	}
}

func TestLinksInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := cids(rapid.IntRange(1, 2000).Draw(t, "links"))
		data, err := dagcbor.Marshal(node{Root: all[0], All: all})
		if err != nil {
			t.Fatal(err)
		}
		links, err := dag.Links(dag.NewBlock(dag.Cbor, data))
		if want := append(slices.Clone(all), all[0]); err != nil || !slices.Equal(links, want) {
			t.Fatalf("got %d links, %v, want %d", len(links), err, len(want))
		}
	})
}

func TestLinksByCodec(t *testing.T) {
	data, err := dagcbor.Marshal(cids(3))
	if err != nil {
		t.Fatal(err)
	}
	if links, err := dag.Links(dag.NewBlock(dag.Raw, data)); err != nil || links != nil {
		t.Errorf("raw: %v, %v", links, err)
	}
	for _, codec := range []dag.Codec{0, 0x70, 0x155} {
		if links, err := dag.Links(dag.NewBlock(codec, data)); !fault.Is(err, fault.Invalid) || links != nil {
			t.Errorf("codec %#x: %v, %v", uint64(codec), links, err)
		}
	}
}

func TestNodeLimitsAgree(t *testing.T) {
	if dagcbor.MaxSize != dag.MaxNode {
		t.Errorf("an item is at most %d bytes, a node %d", dagcbor.MaxSize, dag.MaxNode)
	}
	_, err := dag.Links(dag.NewBlock(dag.Cbor, make([]byte, dag.MaxNode+1)))
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("a larger node: %v", err)
	}
}

// linksByDecoding finds the links of data by a decoder that knows nothing of
// the profile.
func linksByDecoding(t *testing.T, data []byte) (links [][]byte) {
	dec, err := cbor.DecOptions{MaxNestedLevels: 64, MaxArrayElements: 1 << 21, MaxMapPairs: 1 << 21}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := dec.Unmarshal(data, &v); err != nil {
		t.Fatalf("accepted %x: %v", data, err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case cbor.Tag:
			links = append(links, v.Content.([]byte)[1:])
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[any]any:
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k.(string))
			}
			slices.SortFunc(keys, func(a, b string) int {
				return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
			})
			for _, k := range keys {
				walk(v[k])
			}
		}
	}
	walk(v)
	return links
}

func FuzzLinks(f *testing.F) {
	var v struct{ Accept, Refuse []struct{ Hex string } }
	if err := json.Unmarshal(dagtest.Vectors("cbor.json"), &v); err != nil {
		f.Fatal(err)
	}
	for _, c := range append(v.Accept, v.Refuse...) {
		data, err := hex.DecodeString(c.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		links, err := dag.Links(dag.NewBlock(dag.Cbor, data))
		if err != nil {
			if links != nil {
				t.Errorf("%v with %v", links, err)
			}
			return
		}
		want := linksByDecoding(t, data)
		if !slices.EqualFunc(links, want, func(c dag.CID, b []byte) bool { return bytes.Equal(c.Bytes(), b) }) {
			t.Errorf("links %v of %x, want %x", links, data, want)
		}
	})
}

func BenchmarkLinks(b *testing.B) {
	data, err := dagcbor.Marshal(cids(1024))
	if err != nil {
		b.Fatal(err)
	}
	block := dag.NewBlock(dag.Cbor, data)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dag.Links(block); err != nil {
			b.Fatal(err)
		}
	}
}
