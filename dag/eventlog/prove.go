package eventlog

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tegwick/artifact-store/dag/fault"
)

// TileReader reads the tiles of a log from wherever it keeps them; what it
// returns need not be trusted.
type TileReader interface {
	// ReadTile returns the hashes of a tile: exactly 32 x Width bytes.
	ReadTile(ctx context.Context, t Tile) ([]byte, error)
}

// tiles is a log's tiles as tlog asks for them.
type tiles struct {
	ctx context.Context
	r   TileReader
	err error // why reading failed; nil where only the hashes are wrong
}

// Height implements [tlog.TileReader].
func (t *tiles) Height() int { return TileHeight }

// SaveTiles implements [tlog.TileReader].
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements [tlog.TileReader].
func (t *tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, w := range want {
		tile := Tile{Level: w.L, Index: uint64(w.N), Width: w.W}
		b, err := t.r.ReadTile(t.ctx, tile)
		if err == nil && len(b) != tile.Width*hashLen {
			err = fault.New(fault.Corrupt, "read tile", tile.Path(), "%d bytes, not %d", len(b), tile.Width*hashLen)
		}
		if err != nil {
			t.err = err
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

// prove runs a function over the hashes of a tree, each of which is checked
// against its root.
func prove[P any](ctx context.Context, op string, r TileReader, size uint64, root Hash, f func(tlog.HashReader) (P, error)) (P, error) {
	t := &tiles{ctx: ctx, r: r}
	p, err := f(tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: root}, t))
	switch {
	case t.err != nil:
		err = fault.Wrap(fault.Other, op, "", t.err)
	case err != nil:
		err = fault.New(fault.Corrupt, op, "", "the tiles are not those of the tree: %w", err)
	}
	return p, err
}

// ProveInclusion proves that the leaf at index is in the tree of size leaves
// with the given root (RFC 6962, section 2.1.1). Tiles that are not of this
// tree are [fault.Corrupt], an index or size beyond its limit is
// [fault.Invalid], and an error of r is returned with its kind.
func ProveInclusion(ctx context.Context, r TileReader, size uint64, root Hash, index uint64) ([]Hash, error) {
	const op = "prove inclusion"
	if err := checkRange(op, size, index); err != nil {
		return nil, err
	}
	return prove(ctx, op, r, size, root, func(h tlog.HashReader) ([]Hash, error) {
		return tlog.ProveRecord(int64(size), int64(index), h)
	})
}

// CheckInclusion verifies what [ProveInclusion] returned. A proof that does not
// show that the leaf is there is [fault.Corrupt]; an index or size beyond its
// limit is [fault.Invalid].
func CheckInclusion(proof []Hash, size uint64, root Hash, index uint64, leaf Hash) error {
	const op = "check inclusion"
	if err := checkRange(op, size, index); err != nil {
		return err
	}
	err := tlog.CheckRecord(proof, int64(size), root, int64(index), leaf)
	return fault.Wrap(fault.Corrupt, op, "", err)
}

func checkRange(op string, size, index uint64) error {
	if size > MaxSize || index >= size {
		return fault.New(fault.Invalid, op, "", "there is no leaf %d in a tree of %d", index, size)
	}
	return nil
}

// ProveConsistency proves that the tree of size leaves with the given root
// begins with the tree of its first old leaves (RFC 6962, section 2.1.2). The
// proof is empty where old is 0 or size. Errors as of [ProveInclusion].
func ProveConsistency(ctx context.Context, r TileReader, size uint64, root Hash, old uint64) ([]Hash, error) {
	const op = "prove consistency"
	if err := checkSizes(op, size, old); err != nil || old == 0 {
		return nil, err
	}
	return prove(ctx, op, r, size, root, func(h tlog.HashReader) ([]Hash, error) {
		return tlog.ProveTree(int64(size), int64(old), h)
	})
}

// CheckConsistency verifies what [ProveConsistency] returned. A proof that does
// not show that the old tree is the beginning of the new is [fault.Corrupt]; a
// size beyond its limit is [fault.Invalid].
func CheckConsistency(proof []Hash, size uint64, root Hash, old uint64, oldRoot Hash) error {
	const op = "check consistency"
	if err := checkSizes(op, size, old); err != nil {
		return err
	}
	if old > 0 {
		err := tlog.CheckTree(proof, int64(size), root, int64(old), oldRoot)
		return fault.Wrap(fault.Corrupt, op, "", err)
	}
	if len(proof) > 0 || oldRoot != emptyRoot || size == 0 && root != emptyRoot {
		return fault.New(fault.Corrupt, op, "", "the root of a tree of no leaves is another, and it needs no proof")
	}
	return nil
}

func checkSizes(op string, size, old uint64) error {
	if size > MaxSize || old > size {
		return fault.New(fault.Invalid, op, "", "a tree of %d leaves does not begin with one of %d", size, old)
	}
	return nil
}

// rootAt returns the root of the first old leaves of a tree. Errors as of
// [ProveInclusion].
func rootAt(ctx context.Context, r TileReader, size uint64, root Hash, old uint64) (Hash, error) {
	const op = "read root"
	if err := checkSizes(op, size, old); err != nil {
		return Hash{}, err
	}
	return prove(ctx, op, r, size, root, func(h tlog.HashReader) (Hash, error) {
		return tlog.TreeHash(int64(old), h)
	})
}
