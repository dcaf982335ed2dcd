package audit

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	checkpointName = "checkpoint"
	maxTile        = eventlog.TileWidth * len(eventlog.Hash{})
	maxBundle      = eventlog.TileWidth * (2 + eventlog.MaxLeaf)
)

// Dir is a directory with the files of one log (C2SP tlog-tiles): checkpoint,
// tile/<level>/<index> and tile/entries/<index>. It has leaves without
// payloads, so that its entries are as those that were erased.
type Dir string

// FindDir returns the directory of a log: root itself, or what [Export] made
// of the origin beneath it. Errors: [fault.NotFound].
func FindDir(root, origin string) (Dir, error) {
	for _, dir := range []string{root, filepath.Join(root, filepath.FromSlash(origin))} {
		if _, err := os.Stat(filepath.Join(dir, checkpointName)); err == nil {
			return Dir(dir), nil
		}
	}
	return "", fault.New(fault.NotFound, "read exported log", root, "there is no log %s in it", origin)
}

// VerifyDir verifies an exported log with the key of its origin, by which v is
// named. Errors are those of [eventlog.OpenCheckpoint] and [Verify].
func VerifyDir(ctx context.Context, d Dir, v note.Verifier, progress Progress) (Report, error) {
	signed, err := d.Checkpoint()
	if err != nil {
		return Report{}, err
	}
	head, err := eventlog.OpenCheckpoint(signed, v.Name(), v)
	if err != nil {
		return Report{}, fault.Wrap(fault.Corrupt, "verify checkpoint", v.Name(), err)
	}
	_, err = Verify(ctx, head, d, progress)
	return Report{Checkpoint: head, Signed: true}, err
}

// Checkpoint returns the signed checkpoint. Errors: [fault.NotFound],
// [fault.TooLarge].
func (d Dir) Checkpoint() ([]byte, error) { return d.read(checkpointName, eventlog.MaxCheckpoint) }

// ReadTile implements [eventlog.TileReader]. Errors: [fault.NotFound],
// [fault.TooLarge].
func (d Dir) ReadTile(_ context.Context, t eventlog.Tile) ([]byte, error) {
	return d.read(t.Path(), maxTile)
}

// Entries implements [Source]. A bundle that is not there or not well formed is
// [fault.Corrupt].
func (d Dir) Entries(ctx context.Context, from, to uint64, fn func(index uint64, e eventlog.Entry) error) error {
	for from < to {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		bundle := from / eventlog.TileWidth
		first := bundle * eventlog.TileWidth
		width := int(min(to-first, eventlog.TileWidth))
		leaves, err := d.bundle(bundle, width)
		if err != nil {
			return err
		}
		for _, leaf := range leaves[from-first:] {
			if err := fn(from, eventlog.Entry{Leaf: leaf}); err != nil {
				return err
			}
			from++
		}
	}
	return nil
}

func (d Dir) bundle(index uint64, width int) ([][]byte, error) {
	path := eventlog.EntriesPath(index, width)
	data, err := d.read(path, maxBundle)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(fault.Corrupt, "read entries", path, err)
	}
	if err != nil {
		return nil, err
	}
	leaves, err := eventlog.ReadBundle(data, width)
	return leaves, fault.Wrap(fault.Corrupt, "read entries", path, err)
}

// read returns a file of at most so many bytes.
func (d Dir) read(path string, most int) ([]byte, error) {
	const op = "read exported log"
	f, err := os.Open(filepath.Join(string(d), filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, op, path, err)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, path, err)
	}
	if len(data) > most {
		return nil, fault.New(fault.TooLarge, op, path, "it is longer than %d bytes", most)
	}
	return data, nil
}
