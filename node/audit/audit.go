// Package audit verifies logs, and writes them as the static files that others
// verify. What it checks it computes from entries alone: it believes neither
// the tiles nor the head of a log, wherever they are kept.
package audit

import (
	"bytes"
	"context"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Source is a log as somebody keeps it. What it returns is not trusted.
type Source interface {
	eventlog.TileReader
	// Entries calls fn for the entries from index from up to, and without,
	// index to. It stops at fn's first error.
	Entries(ctx context.Context, from, to uint64, fn func(index uint64, e eventlog.Entry) error) error
}

// Report is what was found to be so.
type Report struct {
	eventlog.Checkpoint
	Erased uint64 // entries whose payload is not there
	// Signed says that the checkpoint carries the signature of the log's key;
	// false where no key was given.
	Signed bool
}

// Progress is told how many entries were verified.
type Progress func(done, total uint64)

// stride is how many entries are hashed between two looks at the tiles that
// they fill: it bounds what is in memory.
const stride = 64 * eventlog.TileWidth

// Head verifies the signature of a checkpoint with the key of its log; without
// a key (v is nil) it only says what was claimed. The result has no Erased.
// Errors are those of [eventlog.OpenCheckpoint].
func Head(signed []byte, claimed eventlog.Checkpoint, v note.Verifier) (Report, error) {
	r := Report{Checkpoint: claimed}
	if v == nil {
		return r, nil
	}
	c, err := eventlog.OpenCheckpoint(signed, claimed.Origin, v)
	if err != nil {
		return r, fault.Wrap(fault.Corrupt, "verify checkpoint", claimed.Origin, err)
	}
	if c != claimed {
		return r, fault.New(fault.Corrupt, "verify checkpoint", claimed.Origin,
			"it is of %d entries and root %s, the log of %d and %s", c.Size, c.Root, claimed.Size, claimed.Root)
	}
	r.Signed = true
	return r, nil
}

// Verify recomputes a log from its entries: each leaf and the payload that it
// commits to, every tile, and the root of head. Memory does not grow with the
// log. It is [fault.Corrupt] at the first entry or tile that is not what it
// must be, which the error names; errors of src are returned with their kind.
// progress may be nil.
func Verify(ctx context.Context, head eventlog.Checkpoint, src Source, progress Progress) (erased uint64, err error) {
	const op = "verify log"
	if progress == nil {
		progress = func(_, _ uint64) {}
	}
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		return 0, err
	}
	c := comparison{src: src, edges: make(map[int]eventlog.TileData)}
	err = src.Entries(ctx, 0, head.Size, func(index uint64, e eventlog.Entry) error {
		opened, err := e.Open()
		if err != nil {
			return fault.New(fault.Corrupt, op, head.Origin, "entry %d: %w", index, err)
		}
		if opened.Erased {
			erased++
		}
		tree.Append(e.Hash())
		if tree.Size()%stride != 0 {
			return nil
		}
		progress(tree.Size(), head.Size)
		return c.filled(ctx, tree.Changed())
	})
	if err == nil {
		err = c.filled(ctx, tree.Changed())
	}
	if err == nil {
		err = c.rightEdge(ctx, head.Size)
	}
	if err != nil {
		return erased, fault.Wrap(fault.Other, op, head.Origin, err)
	}
	progress(tree.Size(), head.Size)
	if root := tree.Root(); tree.Size() != head.Size || root != head.Root {
		return erased, fault.New(fault.Corrupt, op, head.Origin,
			"its %d entries come to the root %s, and its head says %s", tree.Size(), root, head.Root)
	}
	return erased, nil
}

// comparison holds the tiles of a source against those of its entries.
type comparison struct {
	src Source
	// edges are the partial tiles as they were last seen to change, by level;
	// those that were filled since stay, and are not asked for.
	edges map[int]eventlog.TileData
}

func (c *comparison) filled(ctx context.Context, tiles []eventlog.TileData) error {
	for _, t := range tiles {
		if t.Width < eventlog.TileWidth {
			c.edges[t.Level] = t
		} else if err := c.tile(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// rightEdge compares the partial tiles of a tree of size leaves.
func (c *comparison) rightEdge(ctx context.Context, size uint64) error {
	for level := 0; size > 0; level++ {
		if size%eventlog.TileWidth != 0 {
			if err := c.tile(ctx, c.edges[level]); err != nil {
				return err
			}
		}
		size >>= eventlog.TileHeight
	}
	return nil
}

func (c *comparison) tile(ctx context.Context, want eventlog.TileData) error {
	got, err := c.src.ReadTile(ctx, want.Tile)
	switch {
	case err != nil && (fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid)):
		return fault.New(fault.Corrupt, "verify tile", want.Path(), "%w", err)
	case err != nil:
		return err
	case !bytes.Equal(got, want.Hashes):
		return fault.New(fault.Corrupt, "verify tile", want.Path(), "it is not that of the entries")
	}
	return nil
}
