package eventlog_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// reference is a tree as x/mod/sumdb/tlog keeps it: every hash.
type reference []tlog.Hash

func (r *reference) append(t interface{ Fatal(...any) }, n uint64, leaf eventlog.Hash) {
	hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaf, r)
	if err != nil {
		t.Fatal(err)
	}
	*r = append(*r, hashes...)
}

func (r *reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(*r)) {
			return nil, errors.New("no such hash")
		}
		out[i] = (*r)[x]
	}
	return out, nil
}

// root returns the root of the first n leaves.
func (r *reference) root(t interface{ Fatal(...any) }, n uint64) eventlog.Hash {
	h, err := tlog.TreeHash(int64(n), r)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// big is a log of more than two full levels of tiles, in both forms.
type big struct {
	hashes reference
	tiles  memory
}

const bigSize = 1<<16 + 2000

// newBig grows a log, and holds the tree to the reference at every size.
func newBig(t *testing.T) *big {
	t.Helper()
	b := &big{tiles: memory{}}
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(bigSize) {
		leaf := leafAt(i)
		b.hashes.append(t, i, leaf)
		tree.Append(leaf)
		if n := i + 1; n != tree.Size() || n < 1100 || n%997 == 0 || n > 1<<16-300 {
			if tree.Size() != n || tree.Root() != b.hashes.root(t, n) {
				t.Fatalf("at %d leaves the root is another", n)
			}
		}
	}
	b.tiles.put(tree)
	return b
}

func TestTrees(t *testing.T) {
	b := newBig(t)
	t.Run("EachTileHasItsHashes", func(t *testing.T) {
		for tile := range eventlog.Tiles(bigSize) {
			got, err := b.tiles.ReadTile(t.Context(), tile)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tile.Width {
				at := tlog.StoredHashIndex(tile.Level*eventlog.TileHeight, int64(tile.Index)<<eventlog.TileHeight+int64(i))
				if want := b.hashes[at]; !bytes.Equal(got[32*i:32*i+32], want[:]) {
					t.Fatalf("hash %d of %s is another", i, tile.Path())
				}
			}
		}
	})
	t.Run("ReopenedAtAnySize", func(t *testing.T) { testReopen(t, b) })
	t.Run("Proofs", func(t *testing.T) { testProofs(t, b) })
	t.Run("TamperedTiles", func(t *testing.T) { testTamperedTiles(t, b) })
	t.Run("Forks", func(t *testing.T) { testForks(t, b) })
}

// sizes draws sizes of a tree, often near where a tile or a level is full.
func sizes(most uint64) *rapid.Generator[uint64] {
	near := rapid.Custom(func(t *rapid.T) uint64 {
		at := rapid.SampledFrom([]uint64{0, 1, 256, 512, 65536, 65536 + 256, 65536 + 512}).Draw(t, "near")
		return min(most, at+rapid.Uint64Range(0, 4).Draw(t, "over")-min(at, 2))
	})
	return rapid.OneOf(near, rapid.Uint64Range(0, most))
}

// testReopen grows a tree from any size by any steps, reopened after each:
// what Changed returned is enough to go on, and to read every tile.
func testReopen(t *testing.T, b *big) {
	rapid.Check(t, func(t *rapid.T) {
		size := sizes(bigSize-4*300).Draw(t, "size")
		kept := memory{}
		for tile := range eventlog.Tiles(size) {
			data, err := b.tiles.ReadTile(t.Context(), tile)
			if err != nil {
				t.Fatal(err)
			}
			kept[[2]uint64{uint64(tile.Level), tile.Index}] = data
		}
		every := rapid.IntRange(1, 300).Draw(t, "every") // so many leaves the tiles are kept
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 300), 1, 4).Draw(t, "steps") {
			tree, err := kept.reopen(size)
			if err != nil {
				t.Fatal(err)
			}
			if tree.Root() != b.hashes.root(t, size) {
				t.Fatalf("reopened at %d, the root is another", size)
			}
			for i := range step {
				tree.Append(leafAt(size))
				size++
				if i%every == 0 {
					kept.put(tree)
				}
			}
			kept.put(tree)
			if again := tree.Changed(); len(again) > 0 {
				t.Fatalf("%d tiles changed since", len(again))
			}
		}
		for tile := range eventlog.Tiles(size) {
			got, err := kept.ReadTile(t.Context(), tile)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := b.tiles.ReadTile(t.Context(), tile); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s is another, %v", tile.Path(), err)
			}
		}
	})
}

func TestChangedTiles(t *testing.T) {
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(n int) (tiles []eventlog.Tile) {
		for range n {
			tree.Append(leafAt(tree.Size()))
		}
		for _, d := range tree.Changed() {
			if len(d.Hashes) != 32*d.Width {
				t.Errorf("%s has %d bytes", d.Path(), len(d.Hashes))
			}
			tiles = append(tiles, d.Tile)
		}
		return tiles
	}
	for _, c := range []struct {
		leaves int
		want   []eventlog.Tile
	}{
		{0, nil},
		{1, []eventlog.Tile{{Width: 1}}},
		{254, []eventlog.Tile{{Width: 255}}},
		{1, []eventlog.Tile{{Width: 256}, {Level: 1, Width: 1}}},
		{1, []eventlog.Tile{{Index: 1, Width: 1}}},
		{600, []eventlog.Tile{{Index: 1, Width: 256}, {Index: 2, Width: 256}, {Index: 3, Width: 89}, {Level: 1, Width: 3}}},
	} {
		if got := changed(c.leaves); !slices.Equal(got, c.want) {
			t.Errorf("after %d leaves more: got %v, want %v", c.leaves, got, c.want)
		}
	}
}

func TestOpenTreeAsksForPartialTilesOnly(t *testing.T) {
	for size, want := range map[uint64][]int{0: nil, 1: {0}, 256: {1}, 300: {0, 1}, 1 << 16: {2}, 1<<16 + 256: {1, 2}} {
		var asked []int
		_, err := eventlog.OpenTree(size, func(level int) ([]byte, error) {
			asked = append(asked, level)
			return make([]byte, 32*(size>>(8*level)&255)), nil
		})
		if err != nil || !reflect.DeepEqual(asked, want) {
			t.Errorf("at %d it asked for %v, %v; want %v", size, asked, err, want)
		}
	}
}

func TestOpenTreeRefuses(t *testing.T) {
	for _, width := range []int{0, 299 - 256, 301 - 256, 256} {
		_, err := eventlog.OpenTree(300, func(level int) ([]byte, error) {
			if level > 0 {
				return make([]byte, 32), nil
			}
			return make([]byte, 32*width), nil
		})
		wantKind(t, err, fault.Corrupt)
	}
	_, err := eventlog.OpenTree(1, func(int) ([]byte, error) { return nil, fault.New(fault.Unavailable, "read", "", "gone") })
	wantKind(t, err, fault.Unavailable)
	_, err = eventlog.OpenTree(eventlog.MaxSize+1, nil)
	wantKind(t, err, fault.Invalid)
}

func TestTilesOfATree(t *testing.T) {
	// The example of C2SP tlog-tiles, "Partial Tiles".
	var full [3]int
	var partial []eventlog.Tile
	for tile := range eventlog.Tiles(70_000) {
		if tile.Width == eventlog.TileWidth {
			full[tile.Level]++
		} else {
			partial = append(partial, tile)
		}
	}
	want := []eventlog.Tile{{Level: 0, Index: 273, Width: 112}, {Level: 1, Index: 1, Width: 17}, {Level: 2, Index: 0, Width: 1}}
	if full != [3]int{273, 1, 0} || !slices.Equal(partial, want) {
		t.Errorf("got %v full and %v", full, partial)
	}
	for range eventlog.Tiles(70_000) {
		break // a reader may have enough
	}
}

func TestTilePaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := eventlog.Tile{
			Level: rapid.IntRange(-1, 63).Draw(t, "level"),
			Index: rapid.OneOf(rapid.Uint64Max(3000), rapid.Uint64()).Draw(t, "index"),
			Width: rapid.IntRange(1, 256).Draw(t, "width"),
		}
		if got, err := eventlog.ParseTilePath(want.Path()); err != nil || got != want {
			t.Fatalf("%s is %+v, %v", want.Path(), got, err)
		}
	})
}

func TestBundles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 1, 256).Draw(t, "leaves")
		var bundle []byte
		for _, leaf := range leaves {
			var err error
			if bundle, err = eventlog.AppendBundle(bundle, leaf); err != nil {
				t.Fatal(err)
			}
		}
		got, err := eventlog.ReadBundle(bundle, len(leaves))
		if err != nil || !slices.EqualFunc(got, leaves, bytes.Equal) {
			t.Fatalf("got %x, %v", got, err)
		}
		cut := rapid.IntRange(0, len(bundle)-1).Draw(t, "cut")
		_, err = eventlog.ReadBundle(bundle[:cut], len(leaves))
		wantKind(t, err, fault.Invalid)
		_, err = eventlog.ReadBundle(append(bundle, 0), len(leaves))
		wantKind(t, err, fault.Invalid)
	})
	for _, width := range []int{-1, 0, 257} {
		_, err := eventlog.ReadBundle(nil, width)
		wantKind(t, err, fault.Invalid)
	}
	longest, err := eventlog.AppendBundle(nil, make([]byte, eventlog.MaxLeaf))
	if err != nil {
		t.Fatal(err)
	}
	if leaves, err := eventlog.ReadBundle(longest, 1); err != nil || len(leaves[0]) != eventlog.MaxLeaf {
		t.Errorf("the longest leaf: %v", err)
	}
	_, err = eventlog.AppendBundle(nil, make([]byte, eventlog.MaxLeaf+1))
	wantKind(t, err, fault.TooLarge)
}
