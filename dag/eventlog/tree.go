package eventlog

import (
	"bytes"
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Tree appends to a Merkle tree. It holds the right edge alone, so it costs the
// same at every size. It is not safe for concurrent use.
type Tree struct {
	size   uint64
	roots  []Hash     // of the perfect subtrees that make the tree, the largest first: one for each bit of size
	levels []level    // the right-most tile of each level of tiles
	full   []TileData // tiles that were filled since the last Changed
}

// level is the right edge of a level of tiles.
type level struct {
	hashes  []byte // of the partial tile, 32 bytes each; less than 256 of them
	changed bool   // since the last Changed
}

// OpenTree returns the tree of size leaves, to append to. partial returns the
// hashes, 32 bytes each, of the right-most tile of a level, and is asked only
// where that is partial: where (size >> 8*level) mod 256 is not 0. A size over
// [MaxSize] is [fault.Invalid], a tile of another width [fault.Corrupt], and an
// error of partial is returned with its kind.
func OpenTree(size uint64, partial func(level int) ([]byte, error)) (*Tree, error) {
	const op = "open log tree"
	if size > MaxSize {
		return nil, fault.New(fault.Invalid, op, "", "a size of %d, beyond %d", size, uint64(MaxSize))
	}
	t := &Tree{size: size}
	for l := 0; size>>(TileHeight*l) > 0; l++ {
		width := int(size >> (TileHeight * l) % TileWidth)
		hashes := make([]byte, 0, TileWidth*hashLen)
		if width > 0 {
			b, err := partial(l)
			if err != nil {
				return nil, fault.Wrap(fault.Other, op, "", err)
			}
			if len(b) != width*hashLen {
				return nil, fault.New(fault.Corrupt, op, "", "the tile at the right of level %d has %d bytes, not %d", l, len(b), width*hashLen)
			}
			hashes = append(hashes, b...)
		}
		t.levels = append(t.levels, level{hashes: hashes})
	}
	for l := len(t.levels) - 1; l >= 0; l-- {
		t.roots = appendRoots(t.roots, t.levels[l].hashes)
	}
	return t, nil
}

// appendRoots appends the roots of the perfect subtrees over the hashes of a
// partial tile, the largest first.
func appendRoots(roots []Hash, hashes []byte) []Hash {
	for len(hashes) > 0 {
		n := 1 << (bits.Len(uint(len(hashes)/hashLen)) - 1) * hashLen
		roots = append(roots, subtree(hashes[:n]))
		hashes = hashes[n:]
	}
	return roots
}

// subtree returns the root of a perfect subtree over hashes, a power of two of
// them.
func subtree(hashes []byte) Hash {
	if len(hashes) == hashLen {
		return Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtree(hashes[:half]), subtree(hashes[half:]))
}

// Size returns how many leaves there are.
func (t *Tree) Size() uint64 { return t.size }

// Append adds a leaf by its hash (see [Entry.Hash]).
func (t *Tree) Append(leaf Hash) {
	h := leaf
	t.push(0, h)
	// Each bit of the size that is carried joins two subtrees of one height.
	height := bits.TrailingZeros64(^t.size)
	for i := 1; i <= height; i++ {
		last := len(t.roots) - 1
		h = tlog.NodeHash(t.roots[last], h)
		t.roots = t.roots[:last]
		if i%TileHeight == 0 {
			t.push(i/TileHeight, h)
		}
	}
	t.roots = append(t.roots, h)
	t.size++
}

// push puts the next hash into the tile at the right of level l. The index of a
// tile that it fills is that of the leaf being added, which size still is.
func (t *Tree) push(l int, h Hash) {
	if l == len(t.levels) {
		t.levels = append(t.levels, level{hashes: make([]byte, 0, TileWidth*hashLen)})
	}
	edge := &t.levels[l]
	edge.hashes = append(edge.hashes, h[:]...)
	edge.changed = true
	if len(edge.hashes) < TileWidth*hashLen {
		return
	}
	t.full = append(t.full, TileData{Tile{l, t.size >> (TileHeight * (l + 1)), TileWidth}, edge.hashes})
	*edge = level{hashes: make([]byte, 0, TileWidth*hashLen)}
}

// Root returns the root of the tree, that of no leaves too (RFC 6962,
// section 2.1).
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return emptyRoot
	}
	last := len(t.roots) - 1
	h := t.roots[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(t.roots[i], h)
	}
	return h
}

// emptyRoot is the root of a tree of no leaves.
var emptyRoot = Hash(sha256.Sum256(nil))

// Changed returns the tiles that changed since [OpenTree] or since it was last
// called: those that were filled, then the partial ones at the right edge.
// Between two calls a tree keeps all that was filled, 33 bytes a leaf. What it
// returns is the caller's.
func (t *Tree) Changed() []TileData {
	tiles := t.full
	t.full = nil
	for l := range t.levels {
		edge := &t.levels[l]
		if edge.changed && len(edge.hashes) > 0 {
			tile := Tile{l, t.size >> (TileHeight * (l + 1)), len(edge.hashes) / hashLen}
			tiles = append(tiles, TileData{tile, bytes.Clone(edge.hashes)})
		}
		edge.changed = false
	}
	return tiles
}
