package home

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tegwick/artifact-store/dag/fault"
)

// maxKeyFile bounds a file of a key, in bytes; the longest that is written here
// takes a fifth of it.
const maxKeyFile = 4 << 10

// The modes of files beside each other in the store's directory.
const (
	privateMode = 0o600
	publicMode  = 0o644
)

// openRegular opens a file that is one itself: a link in its place would have
// the store read, or write, what belongs to somebody else.
func openRegular(op, path string, flag int) (*os.File, fs.FileInfo, error) {
	named, err := os.Lstat(path)
	if err != nil {
		return nil, nil, fault.Wrap(kindOfFile(err), op, path, err)
	}
	if !named.Mode().IsRegular() {
		err := fault.New(fault.Denied, op, path, "it is not a regular file (%v)", named.Mode())
		return nil, nil, fault.Hint(err, "put the file itself in its place; links are not followed")
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, nil, fault.Hint(fault.Wrap(kindOfFile(err), op, path, err), "give this user access to the file")
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(named, info) {
		err = errors.New("another file took its place")
	}
	if err != nil {
		return nil, nil, fault.Wrap(fault.Denied, op, path, errors.Join(err, f.Close()))
	}
	return f, info, nil
}

// kindOfFile is [kindOf] where it matters that there is no file.
func kindOfFile(err error) fault.Kind {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NotFound
	}
	return kindOf(err)
}

// readKeyFile reads a file of a key. A private one is refused where others than
// its owner can read it. On Windows, the directory's own list of access is what
// keeps it.
func readKeyFile(op, path string, mode fs.FileMode) ([]byte, error) {
	f, info, err := openRegular(op, path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if perm := info.Mode().Perm(); mode == privateMode && runtime.GOOS != "windows" && perm&0o077 != 0 {
		err := fault.New(fault.Denied, op, path, "others than its owner have access to it (mode %04o)", perm)
		return nil, fault.Hint(err, "chmod 600 %s", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fault.Wrap(kindOf(err), op, path, err)
	}
	if len(data) > maxKeyFile {
		return nil, fault.New(fault.Corrupt, op, path, "it is longer than a key can be")
	}
	return data, nil
}

// writeNew writes a file durably and at once: after a crash it is whole, or as
// it was. The caller sees to it that nobody else writes it.
func writeNew(op, dir, name string, mode fs.FileMode, data []byte) error {
	path := filepath.Join(dir, name)
	temporary := path + ".tmp"
	err := os.Remove(temporary) // of a write that was cut short
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrapWrite(op, temporary, err)
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return wrapWrite(op, temporary, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return wrapWrite(op, path, errors.Join(err, os.Remove(temporary)))
	}
	return wrapWrite(op, dir, syncDir(dir))
}

// wrapWrite classifies what the system says of a write, with what to do.
func wrapWrite(op, path string, err error) error {
	err = fault.Wrap(kindOf(err), op, path, err)
	switch kindOf(err) {
	case fault.Denied:
		return fault.Hint(err, "give this user write permission on %s", filepath.Dir(path))
	case fault.Invalid:
		return fault.Hint(err, "choose a place beneath a directory")
	case fault.Full:
		return fault.Hint(err, "free some space on the file system")
	}
	return err
}
