package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

const opExport = "export log"

// Exported tells what an export did.
type Exported struct {
	eventlog.Checkpoint
	Dir string // of the log
	New uint64 // entries that were not there before
}

// Export writes a log beneath root, in a directory named by its origin, as the
// static files of C2SP tlog-tiles. A log that is there already is continued:
// only what is new is written, nothing that a reader may be at is changed or
// removed, and the checkpoint is written last, when all that it covers is
// durable.
//
// signed is the checkpoint of head, and v verifies those of the log; it may be
// nil where nothing is there yet. Errors: [fault.Conflict] where the directory
// holds another log or a longer one; [fault.Corrupt] where what it holds and
// head cannot both be true, or src has tiles of neither.
func Export(ctx context.Context, root string, head eventlog.Checkpoint, signed []byte, src Source, v note.Verifier, progress Progress) (Exported, error) {
	dir := filepath.Join(root, filepath.FromSlash(head.Origin))
	done := Exported{Checkpoint: head, Dir: dir}
	if !filepath.IsLocal(filepath.FromSlash(head.Origin)) {
		return done, fault.New(fault.Invalid, opExport, head.Origin, "the system has no such path")
	}
	old, err := continued(ctx, Dir(dir), head, signed, src, v)
	if err != nil {
		return done, err
	}
	w := &writer{dir: dir, touched: make(map[string]struct{})}
	if old < head.Size {
		err = w.entries(ctx, src, old, head.Size, progress)
		if err == nil {
			err = w.tiles(ctx, src, old, head.Size)
		}
	}
	if err == nil {
		err = w.finish(signed)
	}
	if err != nil {
		return done, fault.Wrap(fault.Other, opExport, head.Origin, err)
	}
	done.New = head.Size - old
	return done, nil
}

// continued returns how many entries of the log are in d.
func continued(ctx context.Context, d Dir, head eventlog.Checkpoint, signed []byte, src Source, v note.Verifier) (uint64, error) {
	there, err := d.Checkpoint()
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if v == nil {
		err := fault.New(fault.Denied, opExport, string(d), "it holds a log, and without the node's key nobody can tell whether it is the same")
		return 0, fault.Hint(err, "export into an empty directory")
	}
	old, err := eventlog.OpenCheckpoint(there, head.Origin, v)
	if err != nil {
		err = fault.New(fault.Conflict, opExport, string(d), "it holds another log: %w", err)
		return 0, fault.Hint(err, "export into a directory of its own")
	}
	if old.Size > head.Size {
		err := fault.New(fault.Conflict, opExport, string(d), "it has %d entries, and this store %d", old.Size, head.Size)
		return 0, fault.Hint(err, "this store may be an older copy of itself; what was exported is left as it is")
	}
	_, forked, err := eventlog.DetectFork(ctx, src, there, signed, v)
	if err != nil {
		return 0, fault.Wrap(fault.Other, opExport, head.Origin, err)
	}
	if forked {
		err := fault.New(fault.Corrupt, opExport, string(d), "its %d entries are not the first of this store's log: the log was forked", old.Size)
		return 0, fault.Hint(err, "keep both: each checkpoint is signed, and together they prove the fork")
	}
	return old.Size, nil
}

// writer writes the files of a log.
type writer struct {
	dir     string
	touched map[string]struct{} // directories with new names in them
}

// entries writes the bundles that hold entries from index from on.
func (w *writer) entries(ctx context.Context, src Source, from, to uint64, progress Progress) error {
	from -= from % eventlog.TileWidth // a partial bundle is written anew, wider
	var bundle []byte
	return src.Entries(ctx, from, to, func(index uint64, e eventlog.Entry) (err error) {
		if bundle, err = eventlog.AppendBundle(bundle, e.Leaf); err != nil {
			return err
		}
		width := int(index%eventlog.TileWidth) + 1
		if width < eventlog.TileWidth && index+1 < to {
			return nil
		}
		if progress != nil {
			progress(index+1, to)
		}
		err = w.write(eventlog.EntriesPath(index/eventlog.TileWidth, width), bundle)
		bundle = bundle[:0]
		return err
	})
}

// tiles writes the tiles that a tree of to leaves has and one of from has not.
func (w *writer) tiles(ctx context.Context, src Source, from, to uint64) error {
	for level := 0; to > 0; level++ {
		for index := from >> eventlog.TileHeight; index<<eventlog.TileHeight < to; index++ {
			t := eventlog.Tile{Level: level, Index: index, Width: int(min(to-index<<eventlog.TileHeight, eventlog.TileWidth))}
			hashes, err := src.ReadTile(ctx, t)
			if err != nil {
				return err
			}
			if err := w.write(t.Path(), hashes); err != nil {
				return err
			}
		}
		from, to = from>>eventlog.TileHeight, to>>eventlog.TileHeight
	}
	return nil
}

// finish makes the names durable, and then writes the checkpoint.
func (w *writer) finish(signed []byte) error {
	if err := w.syncNames(); err != nil {
		return err
	}
	if err := w.write(checkpointName, signed); err != nil {
		return err
	}
	return w.syncNames()
}

func (w *writer) syncNames() error {
	for dir := range w.touched {
		if err := syncNames(dir); err != nil {
			return err
		}
	}
	clear(w.touched)
	return nil
}

// write puts a file in its place at once, whole and durable.
func (w *writer) write(path string, data []byte) error {
	path = filepath.Join(w.dir, filepath.FromSlash(path))
	dir := filepath.Dir(path)
	if _, known := w.touched[dir]; !known {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for at := dir; len(at) >= len(w.dir); at = filepath.Dir(at) {
			w.touched[at] = struct{}{}
		}
	}
	f, err := os.CreateTemp(dir, ".export-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
