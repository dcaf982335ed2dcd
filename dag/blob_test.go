package dag_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// grow builds a blob of n generated chunks of 4 bytes, which it does not store.
func grow(t testing.TB, m *memory, n int) dag.Blob {
	t.Helper()
	b := dag.NewTreeBuilder("default", m.Put)
	for i := range n {
		if err := b.Add(chunkAt(i, 4).CID, 4); err != nil {
			t.Fatal(err)
		}
	}
	blob, err := b.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestAnyRangeOfABlobReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMemory()
		b := dag.NewTreeBuilder("fine", m.Put)
		var content []byte
		sizes := rapid.SliceOfN(rapid.IntRange(4, 40), 0, 40).Draw(rt, "sizes")
		// Now and then more than one level of index blocks.
		for range rapid.SampledFrom([]int{0, 0, 0, 1100, 2100}).Draw(rt, "more") {
			sizes = append(sizes, 5)
		}
		for i, size := range sizes {
			c := chunkAt(i, size)
			m.blocks[c.CID] = c
			content = append(content, c.Data...)
			if err := b.Add(c.CID, size); err != nil {
				rt.Fatal(err)
			}
		}
		blob, err := b.Finish(nil)
		if err != nil || blob.Size != uint64(len(content)) {
			rt.Fatal(blob, err)
		}
		r, err := dag.OpenBlob(t.Context(), m, blob.Root)
		if err != nil || r.Size() != int64(len(content)) {
			rt.Fatal(err)
		}
		off := rapid.IntRange(0, len(content)+2).Draw(rt, "off")
		p := make([]byte, rapid.IntRange(0, len(content)+2).Draw(rt, "len"))
		n, err := r.ReadAt(t.Context(), p, int64(off))
		want := content[min(off, len(content)):min(off+len(p), len(content))]
		if !bytes.Equal(p[:n], want) || (n < len(p)) != (err == io.EOF) || n == len(p) && err != nil {
			rt.Fatalf("got %x, %v; want %x", p[:n], err, want)
		}
		next := int64(-1)
		err = r.Chunks(t.Context(), int64(off), func(offset int64, c dag.CID, size int) error {
			if next < 0 && (offset > int64(off) || offset+int64(size) <= int64(off)) || next >= 0 && offset != next {
				rt.Fatalf("chunk at %d of %d bytes, from %d, after %d", offset, size, off, next)
			}
			if !bytes.Equal(m.blocks[c].Data, content[offset:offset+int64(size)]) {
				rt.Fatalf("chunk at %d differs", offset)
			}
			next = offset + int64(size)
			return nil
		})
		if err != nil || off < len(content) && next != int64(len(content)) || off >= len(content) && next != -1 {
			rt.Fatal(next, err)
		}
	})
}

func TestALevelIsAddedOnlyWhenNeeded(t *testing.T) {
	for _, c := range []struct{ chunks, index int }{
		{0, 0}, {1, 0}, {2, 1}, {1024, 1}, {1025, 3}, {2048, 3}, {2049, 4},
	} {
		m := newMemory()
		blob := grow(t, m, c.chunks)
		if len(m.put) != c.index {
			t.Errorf("%d chunks: %d index blocks, want %d", c.chunks, len(m.put), c.index)
		}
		if c.index > 0 && m.put[c.index-1].CID != blob.Root {
			t.Errorf("%d chunks: the root is not put last", c.chunks)
		}
	}
}

func TestReadingTakesOnePath(t *testing.T) {
	m := newMemory()
	blob := grow(t, m, 5000)
	last := chunkAt(4999, 4)
	m.blocks[last.CID] = last
	r, err := dag.OpenBlob(t.Context(), m, blob.Root)
	if err != nil {
		t.Fatal(err)
	}
	m.reads = 0
	p := make([]byte, 2)
	if n, err := r.ReadAt(t.Context(), p, 4*4999+2); n != 2 || err != nil || !bytes.Equal(p, last.Data[2:]) {
		t.Fatal(n, err, p)
	}
	if m.reads != 2 {
		t.Errorf("%d blocks read, want an index block and a chunk", m.reads)
	}
	m.reads = 0
	stop := func(int64, dag.CID, int) error { return fs.SkipAll }
	if err := r.Chunks(t.Context(), 0, stop); err != nil || m.reads != 1 {
		t.Errorf("%d blocks read, %v", m.reads, err)
	}
}

func TestASingleChunkIsItsOwnBlob(t *testing.T) {
	m := newMemory()
	c := chunkAt(7, 100)
	m.blocks[c.CID] = c
	b := dag.NewTreeBuilder("default", m.Put)
	if err := b.Add(c.CID, 100); err != nil {
		t.Fatal(err)
	}
	blob, err := b.Finish(dag.Digests{"blake3": c.CID.Digest[:]})
	if err != nil || blob.Root != c.CID || len(blob.Digests) != 0 || len(m.put) != 0 {
		t.Fatal(blob, err)
	}
	d := dag.FileLayer("a", 0o644, blob)
	if !bytes.Equal(d.Digest("blake3"), c.CID.Digest[:]) || d.Digest("sha256") != nil {
		t.Error("the root's digest is not the content's")
	}
}

func TestTreeBuilderRefuses(t *testing.T) {
	fails := errors.New("disk on fire")
	put := func(dag.Block) error { return fails }
	good := chunkAt(0, 4).CID
	build := func(profile string, c dag.CID, size int) error {
		return dag.NewTreeBuilder(profile, put).Add(c, size)
	}
	wantFault(t, build("default", good, 0), fault.Invalid, "0 bytes")
	wantFault(t, build("default", good, dag.MaxRaw+1), fault.Invalid, "bytes")
	wantFault(t, build("default", dag.CID{Codec: dag.Cbor}, 4), fault.Invalid, "not a raw block")
	wantFault(t, build("No Such", good, 4), fault.Invalid, "profile")

	b := dag.NewTreeBuilder("default", put)
	_, err := b.Finish(dag.Digests{"sha256": []byte("short")})
	wantFault(t, err, fault.Invalid, "digest")
	_, err = b.Finish(dag.Digests{"blake3": make([]byte, 32)})
	wantFault(t, err, fault.Invalid, "blake3")
	for i := range 2 {
		if err := b.Add(chunkAt(i, 4).CID, 4); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Finish(nil); !errors.Is(err, fails) {
		t.Errorf("put's error is lost: %v", err)
	}
}

// fields is a map to encode.
type fields = map[string]any

func part(b dag.Block, size uint64) []any { return []any{b.CID, size} }

func root(size uint64, parts ...any) fields {
	return fields{"v": 1, "size": size, "profile": "default", "digests": fields{}, "parts": parts}
}

func index(size uint64, parts ...any) fields {
	return fields{"v": 1, "size": size, "parts": parts}
}

func with(f fields, key string, value any) fields {
	if f[key] = value; value == nil {
		delete(f, key)
	}
	return f
}

func TestBadTreesAreRefused(t *testing.T) {
	m := newMemory()
	cut := func(b dag.Block) dag.Block { _ = m.Put(b); return b }
	enc := func(f fields) dag.Block { return cut(encode(t, f)) }
	a, b := cut(chunkAt(1, 4)), cut(chunkAt(2, 4))
	pa, pb := part(a, 4), part(b, 4)
	one := enc(index(4, pa))
	many := make([]any, dag.MaxFanout+1)
	for i := range many {
		many[i] = pa
	}
	full := enc(index(4*dag.MaxFanout, many[:dag.MaxFanout]...))
	deep := enc(index(4, pa))
	for range dag.MaxBlobDepth {
		deep = enc(index(4, part(deep, 4)))
	}
	const half = uint64(1) << 62
	for name, c := range map[string]struct {
		root dag.Block
		says string
	}{
		"size too small":         {enc(root(7, pa, pb)), "cannot have"},
		"size too large":         {enc(root(9, pa, pb)), "less than"},
		"zero-size part":         {enc(root(4, pa, part(b, 0))), "cannot have 0"},
		"huge chunk":             {enc(root(half, part(a, half-4), pb)), "cannot have"},
		"sum beyond 2^63-1":      {enc(root(half, part(one, half), part(one, half), part(one, half), part(one, half))), "cannot have"},
		"no parts":               {enc(root(0)), "0 parts"},
		"one part":               {enc(root(4, pa)), "one part"},
		"too many parts":         {enc(root(4*(dag.MaxFanout+1), many...)), "1025 parts"},
		"mixed parts":            {enc(root(8, pa, part(one, 4))), "mixed"},
		"profile's name":         {enc(with(root(8, pa, pb), "profile", "../x")), "profile"},
		"digest's length":        {enc(with(root(8, pa, pb), "digests", fields{"sha256": []byte{1}})), "digest"},
		"no digests":             {enc(with(root(8, pa, pb), "digests", nil)), "missing"},
		"unknown field":          {enc(with(root(8, pa, pb), "x", 1)), "unknown field"},
		"seal":                   {enc(with(root(8, pa, pb), "seal", "tenant")), "not a map"},
		"version 0":              {enc(with(root(8, pa, pb), "v", 0)), "version 0"},
		"newer version":          {enc(with(with(root(8, pa, pb), "v", 2), "x", 1)), "newer version"},
		"index block as root":    {enc(index(8, pa, pb)), "missing"},
		"root as index block":    {enc(root(16, part(enc(root(8, pa, pb)), 8), part(enc(index(8, pa, pb)), 8))), "unknown field"},
		"index says other size":  {enc(root(9, part(one, 5), part(one, 4))), "5 are expected"},
		"middle block not full":  {enc(root(8, part(one, 4), part(one, 4))), "not the last"},
		"chunks at other depths": {enc(root(4*dag.MaxFanout+4, part(full, 4*dag.MaxFanout), part(enc(index(4, part(one, 4))), 4))), "one depth"},
		"too deep":               {enc(root(4*dag.MaxFanout+4, part(full, 4*dag.MaxFanout), part(deep, 4))), "deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			err := walkBlob(t, m, c.root.CID)
			kind := fault.Invalid
			if c.says == "deeper" {
				kind = fault.TooLarge
			}
			wantFault(t, err, kind, c.says)
		})
	}
}

// walkBlob opens a blob and goes through its tree.
func walkBlob(t testing.TB, g dag.Getter, root dag.CID) error {
	r, err := dag.OpenBlob(t.Context(), g, root)
	if err != nil {
		return err
	}
	return r.Chunks(t.Context(), 0, func(int64, dag.CID, int) error { return nil })
}

func TestReadingFindsWhatIsWrong(t *testing.T) {
	m := newMemory()
	a, b := chunkAt(1, 4), chunkAt(2, 4)
	lying := encode(t, root(9, part(a, 4), part(b, 5)))
	sealed := encode(t, with(root(8, part(a, 4), part(b, 4)), "seal", fields{"key": "k"}))
	for _, block := range []dag.Block{a, b, lying, sealed} {
		m.blocks[block.CID] = block
	}
	read := func(c dag.CID, off int64) error {
		r, err := dag.OpenBlob(t.Context(), m, c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.ReadAt(t.Context(), make([]byte, 8), off)
		return err
	}
	wantFault(t, read(lying.CID, 0), fault.Invalid, "the chunk has 4 bytes where its tree says 5")
	wantFault(t, read(sealed.CID, 0), fault.Invalid, "sealed")
	wantFault(t, read(a.CID, -1), fault.Invalid, "negative")
	if err := walkBlob(t, m, sealed.CID); err != nil {
		t.Errorf("a sealed tree cannot be walked: %v", err)
	}
	m.blocks[b.CID] = a
	wantFault(t, read(encodeInto(t, m, root(8, part(a, 4), part(b, 4))).CID, 0), fault.Corrupt, "got block")
	delete(m.blocks, b.CID)
	wantFault(t, read(encodeInto(t, m, root(8, part(a, 4), part(b, 4))).CID, 0), fault.NotFound, "")
	_, err := dag.OpenBlob(t.Context(), m, b.CID)
	wantFault(t, err, fault.NotFound, "open blob")
}

func encodeInto(t testing.TB, m *memory, f fields) dag.Block {
	b := encode(t, f)
	m.blocks[b.CID] = b
	return b
}

func BenchmarkTreeBuilder(b *testing.B) {
	c := chunkAt(1, 64<<10)
	for b.Loop() {
		t := dag.NewTreeBuilder("default", func(dag.Block) error { return nil })
		for range 10000 {
			if err := t.Add(c.CID, 64<<10); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := t.Finish(nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/chunk")
}

func ExampleTreeBuilder() {
	t := dag.NewTreeBuilder("default", func(b dag.Block) error {
		fmt.Println("index block of", len(b.Data), "bytes")
		return nil
	})
	for _, data := range []string{"hello, ", "world"} {
		b := dag.NewBlock(dag.Raw, []byte(data))
		_ = t.Add(b.CID, len(b.Data))
	}
	blob, err := t.Finish(nil)
	fmt.Println(blob.Size, "bytes", err)
	// Output:
	// index block of 128 bytes
	// 12 bytes <nil>
}
