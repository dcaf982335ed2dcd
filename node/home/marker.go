package home

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Format is the newest format of a directory that is known here.
const Format = 1

// maxMarker bounds what is read of a marker.
const maxMarker = 4 << 10

// temporaryName is of a marker that was not finished.
const temporaryName = markerName + ".tmp"

type marker struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
}

// admissible reports, as an error, why dir cannot be opened.
func admissible(dir string, create bool) error {
	if isMarked(dir) {
		return nil
	}
	fresh, err := isFresh(dir)
	switch {
	case err != nil:
		return wrap(dir, err)
	case !fresh && isMarked(dir): // another process made it just now
		return nil
	case !fresh:
		err := fault.New(fault.Invalid, opOpen, dir, "not an artifact store, and not empty")
		return fault.Hint(err, "choose an empty directory, or that of a store, with --dir")
	case !create:
		err := fault.New(fault.NotFound, opOpen, dir, "there is no artifact store")
		return fault.Hint(err, "make one: artifact init")
	}
	return nil
}

func isMarked(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, markerName))
	return err == nil
}

// isFresh reports whether dir is absent, or holds nothing but what the making
// of a store leaves when it is cut short.
func isFresh(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		switch e.Name() {
		case lockName, probeName, temporaryName:
		case "lost+found": // of the root of a file system
		case packsName, indexName:
			inside, err := os.ReadDir(filepath.Join(dir, e.Name()))
			if err != nil || len(inside) > 0 {
				return false, err
			}
		default:
			return false, nil
		}
	}
	return true, nil
}

// readMarker returns the identity in dir's marker.
func readMarker(dir string) (id [16]byte, err error) {
	path := filepath.Join(dir, markerName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, fault.Wrap(fault.NotFound, opOpen, path, err)
	}
	if err != nil {
		return id, wrap(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMarker))
	if err != nil {
		return id, wrap(path, err)
	}
	var m marker
	if err := json.Unmarshal(data, &m); err != nil {
		return id, fault.New(fault.Corrupt, opOpen, path, "not a marker: %w", err)
	}
	if m.Format > Format {
		err := fault.New(fault.Invalid, opOpen, dir, "its format is %d, and %d is the newest known here", m.Format, Format)
		return id, fault.Hint(err, "use a newer version of artifact")
	}
	raw, err := hex.DecodeString(m.ID)
	if m.Format < 1 || err != nil || len(raw) != len(id) {
		return id, fault.New(fault.Corrupt, opOpen, path, "not a marker: format %d, identity %q", m.Format, m.ID)
	}
	return [16]byte(raw), nil
}

// writeMarker makes a store of dir, atomically: until it returns there is none.
func writeMarker(dir string, random io.Reader) (id [16]byte, err error) {
	path, temporary := filepath.Join(dir, markerName), filepath.Join(dir, temporaryName)
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return id, fault.Wrap(fault.Unavailable, "make identity", dir, err)
	}
	data, err := json.Marshal(marker{Format: Format, ID: hex.EncodeToString(id[:])})
	if err != nil {
		return id, err
	}
	if err := writeFile(temporary, append(data, '\n')); err != nil {
		return id, wrap(temporary, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return id, wrap(path, err)
	}
	if err := syncDir(dir); err != nil {
		return id, wrap(dir, err)
	}
	return id, nil
}

// writeFile writes a file durably, over what is left of another.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
