package eventlog_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// emptyRoot is the root of a tree of no leaves: the SHA-256 of nothing.
func emptyRoot(t *testing.T) eventlog.Hash {
	return eventlog.Hash(unhex(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
}

// tamper changes a proof in one of the ways there are.
func tamper(t *rapid.T, proof []eventlog.Hash) []eventlog.Hash {
	bad := slices.Clone(proof)
	ways := []string{"longer"}
	if len(bad) > 0 {
		ways = append(ways, "flip", "shorter", "headless")
	}
	switch rapid.SampledFrom(ways).Draw(t, "way") {
	case "longer":
		bad = append(bad, leafAt(0))
	case "flip":
		bad[rapid.IntRange(0, len(bad)-1).Draw(t, "hash")][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case "shorter":
		bad = bad[:len(bad)-1]
	case "headless":
		bad = bad[1:]
	}
	return bad
}

func testProofs(t *testing.T, b *big) {
	t.Run("Inclusion", rapid.MakeCheck(func(t *rapid.T) {
		size := max(1, sizes(bigSize).Draw(t, "size"))
		index := min(size-1, sizes(size-1).Draw(t, "index"))
		root := b.hashes.root(t, size)
		proof, err := eventlog.ProveInclusion(t.Context(), b.tiles, size, root, index)
		if err != nil {
			t.Fatal(err)
		}
		leaf := leafAt(index)
		if err := eventlog.CheckInclusion(proof, size, root, index, leaf); err != nil {
			t.Fatal(err)
		}
		wantKind(t, eventlog.CheckInclusion(tamper(t, proof), size, root, index, leaf), fault.Corrupt)
		wantKind(t, eventlog.CheckInclusion(proof, size, root, index, leafAt(index+1)), fault.Corrupt)
		wantKind(t, eventlog.CheckInclusion(proof, size, leafAt(0), index, leafAt(index+1)), fault.Corrupt)
		if index > 0 {
			wantKind(t, eventlog.CheckInclusion(proof, size, root, index-1, leaf), fault.Corrupt)
		}
	}))
	t.Run("Consistency", rapid.MakeCheck(func(t *rapid.T) {
		size := sizes(bigSize).Draw(t, "size")
		old := min(size, sizes(bigSize).Draw(t, "old"))
		root, oldRoot := b.hashes.root(t, size), b.hashes.root(t, old)
		proof, err := eventlog.ProveConsistency(t.Context(), b.tiles, size, root, old)
		if err != nil {
			t.Fatal(err)
		}
		if err := eventlog.CheckConsistency(proof, size, root, old, oldRoot); err != nil {
			t.Fatal(err)
		}
		wantKind(t, eventlog.CheckConsistency(tamper(t, proof), size, root, old, oldRoot), fault.Corrupt)
		wantKind(t, eventlog.CheckConsistency(proof, size, root, old, leafAt(bigSize)), fault.Corrupt)
		if old > 0 {
			wantKind(t, eventlog.CheckConsistency(proof, size, leafAt(bigSize), old, oldRoot), fault.Corrupt)
		}
	}))
}

// flipped serves the tiles of a log with a bit of one of them changed.
type flipped struct {
	memory
	tile eventlog.Tile
	bit  int
	hit  bool
}

func (f *flipped) ReadTile(ctx context.Context, t eventlog.Tile) ([]byte, error) {
	data, err := f.memory.ReadTile(ctx, t)
	if err != nil || t.Level != f.tile.Level || t.Index != f.tile.Index {
		return data, err
	}
	f.hit = true
	data = bytes.Clone(data)
	bit := f.bit % (8 * len(data))
	data[bit/8] ^= 1 << (bit % 8)
	return data, nil
}

// testTamperedTiles proves from tiles one of which is wrong: no proof is made
// of it.
func testTamperedTiles(t *testing.T, b *big) {
	rapid.Check(t, func(t *rapid.T) {
		size := max(2, sizes(bigSize).Draw(t, "size"))
		root := b.hashes.root(t, size)
		index := rapid.Uint64Range(0, size-1).Draw(t, "index")
		level := rapid.IntRange(0, 2).Draw(t, "level")
		r := &flipped{
			memory: b.tiles, bit: rapid.IntRange(0, 256*256-1).Draw(t, "bit"),
			tile: eventlog.Tile{Level: level, Index: index >> (8 * (level + 1))},
		}
		_, err := eventlog.ProveInclusion(t.Context(), r, size, root, index)
		if r.hit {
			wantKind(t, err, fault.Corrupt)
		} else if err != nil {
			t.Fatal(err)
		}
		r.hit = false
		_, err = eventlog.ProveConsistency(t.Context(), r, size, root, index)
		if r.hit {
			wantKind(t, err, fault.Corrupt)
		} else if err != nil {
			t.Fatal(err)
		}
	})
}

// short serves tiles that lack a byte.
type short struct{ memory }

func (s short) ReadTile(ctx context.Context, t eventlog.Tile) ([]byte, error) {
	data, err := s.memory.ReadTile(ctx, t)
	return data[:max(0, len(data)-1)], err
}

func TestProveRefuses(t *testing.T) {
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(300) {
		tree.Append(leafAt(i))
	}
	tiles := memory{}
	tiles.put(tree)
	root := tree.Root()
	for name, c := range map[string]struct {
		r           eventlog.TileReader
		size, index uint64
		want        fault.Kind
	}{
		"a leaf behind the end":        {tiles, 300, 300, fault.Invalid},
		"a leaf of no leaves":          {tiles, 0, 0, fault.Invalid},
		"a tree too large":             {tiles, eventlog.MaxSize + 1, 0, fault.Invalid},
		"a tree beyond the arithmetic": {tiles, 1<<64 - 1, 1<<64 - 2, fault.Invalid},
		"another size":                 {tiles, 299, 0, fault.Corrupt},
		"a size without tiles":         {tiles, 600, 0, fault.NotFound},
		"tiles that are cut off":       {short{tiles}, 300, 0, fault.Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventlog.ProveInclusion(t.Context(), c.r, c.size, root, c.index)
			wantKind(t, err, c.want)
			if c.want == fault.Invalid {
				wantKind(t, eventlog.CheckInclusion(nil, c.size, root, c.index, leafAt(0)), c.want)
			}
		})
	}
	_, err = eventlog.ProveConsistency(t.Context(), tiles, 300, root, 301)
	wantKind(t, err, fault.Invalid)
	wantKind(t, eventlog.CheckConsistency(nil, 300, root, 301, root), fault.Invalid)
	wantKind(t, eventlog.CheckConsistency(nil, 1<<64-1, root, 1, root), fault.Invalid)
	wantKind(t, eventlog.CheckConsistency(nil, 0, root, 0, emptyRoot(t)), fault.Corrupt)
}

// testForks compares checkpoints of the log with those of one that differs from
// it in a leaf.
func testForks(t *testing.T, b *big) {
	key, other := testKey(), verifier(t, keyOf(2))
	v := verifier(t, key)
	rapid.Check(t, func(rt *rapid.T) {
		size := sizes(2000).Draw(rt, "size")
		forkAt := rapid.Uint64Range(0, 1000).Draw(rt, "fork")
		grown := max(1, sizes(2000).Draw(rt, "grown"))
		liar, err := eventlog.OpenTree(0, nil)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range grown {
			if i == forkAt {
				liar.Append(leafAt(bigSize))
				continue
			}
			liar.Append(leafAt(i))
		}
		tiles := memory{}
		tiles.put(liar)
		honest, lie := signed(t, size, b.hashes.root(rt, size), key), signed(t, grown, liar.Root(), key)
		var later eventlog.TileReader = tiles // of the later of the two
		if size > grown {
			later = b.tiles
		}
		f, forked, err := eventlog.DetectFork(rt.Context(), later, honest, lie, v)
		if err != nil {
			rt.Fatal(err)
		}
		// They differ where both have the leaf that differs.
		if want := forkAt < min(size, grown); forked != want {
			rt.Fatalf("of %d and %d leaves, differing at %d: forked is %v", size, grown, forkAt, forked)
		}
		if !forked {
			return
		}
		if err := f.Check(v); err != nil {
			rt.Fatal(err)
		}
		wantKind(rt, f.Check(other), fault.Denied)
		testForkTravels(t, rt, f)
		honestSize := b.hashes.root(rt, min(size, grown))
		framed := eventlog.Fork{Earlier: signed(t, min(size, grown), honestSize, key), Later: f.Later, Root: f.Root, Proof: f.Proof}
		if size > grown && framed.Check(v) == nil {
			rt.Fatal("a log that is consistent is said to have forked")
		}
	})
}

// testForkTravels encodes and decodes a fork, and changes it.
func testForkTravels(t *testing.T, rt *rapid.T, f eventlog.Fork) {
	v := verifier(t, testKey())
	data, err := f.Marshal()
	if err != nil {
		rt.Fatal(err)
	}
	back, err := eventlog.ParseFork(data)
	if err != nil || back.Check(v) != nil {
		rt.Fatalf("%v, %v", err, back.Check(v))
	}
	data[rapid.IntRange(0, len(data)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
	if back, err = eventlog.ParseFork(data); err == nil && back.Check(v) == nil {
		rt.Fatalf("%x passes", data)
	}
}

func TestAnHonestLogCannotBeFramed(t *testing.T) {
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	tiles, key := memory{}, testKey()
	v := verifier(t, key)
	var texts [][]byte
	var roots []eventlog.Hash
	for i := range uint64(20) {
		texts = append(texts, signed(t, i, tree.Root(), key))
		roots = append(roots, tree.Root())
		tree.Append(leafAt(i))
	}
	tiles.put(tree)
	for old := range texts {
		for size := old; size < len(texts); size++ {
			proof, err := eventlog.ProveConsistency(t.Context(), tiles, uint64(size), roots[size], uint64(old))
			if err != nil {
				t.Fatal(err)
			}
			for _, root := range append(slices.Clone(roots), leafAt(0), leafAt(99)) {
				f := eventlog.Fork{Earlier: texts[old], Later: texts[size], Root: root, Proof: proof}
				wantKind(t, f.Check(v), fault.Corrupt)
			}
		}
	}
}

func TestDetectForkRefuses(t *testing.T) {
	key := testKey()
	v := verifier(t, key)
	text := signed(t, 1, leafAt(0), key)
	_, _, err := eventlog.DetectFork(t.Context(), nil, text, signed(t, 1, leafAt(1), keyOf(2)), v)
	wantKind(t, err, fault.Denied)
	_, _, err = eventlog.DetectFork(t.Context(), memory{}, signed(t, 2, leafAt(3), key), text, v)
	wantKind(t, err, fault.NotFound)
}

func TestForksRefuse(t *testing.T) {
	node := func(change func(n map[string]any)) []byte {
		n := map[string]any{"v": 1, "earlier": []byte("a"), "later": []byte("b"), "root": make([]byte, 32), "proof": [][]byte{make([]byte, 32)}}
		change(n)
		return marshal(t, n)
	}
	if _, err := eventlog.ParseFork(node(func(map[string]any) {})); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want fault.Kind
	}{
		"nothing":           {nil, fault.Invalid},
		"another version":   {node(func(n map[string]any) { n["v"] = 2 }), fault.Invalid},
		"a short root":      {node(func(n map[string]any) { n["root"] = make([]byte, 31) }), fault.Invalid},
		"a short hash":      {node(func(n map[string]any) { n["proof"] = [][]byte{{1}} }), fault.Invalid},
		"an empty proof":    {node(func(n map[string]any) { n["proof"] = [][]byte{} }), fault.Invalid},
		"too many hashes":   {node(func(n map[string]any) { n["proof"] = slices.Repeat([][]byte{make([]byte, 32)}, 65) }), fault.TooLarge},
		"a long checkpoint": {node(func(n map[string]any) { n["later"] = make([]byte, eventlog.MaxCheckpoint+1) }), fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventlog.ParseFork(c.data)
			wantKind(t, err, c.want)
		})
	}
	_, err := eventlog.Fork{Earlier: make([]byte, eventlog.MaxCheckpoint+1)}.Marshal()
	wantKind(t, err, fault.TooLarge)
}
