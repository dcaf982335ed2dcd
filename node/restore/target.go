package restore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tegwick/artifact-store/dag/fault"
)

// target is the directory that a restore writes into. Everything goes through
// an [os.Root], which no name and no symlink leads out of; beyond that no
// symlink is followed at all beneath it.
type target struct {
	root      *os.Root
	overwrite bool
}

// openTarget opens the directory at path; where create is not set and there
// is none, it returns nil.
func openTarget(path string, create, overwrite bool) (*target, error) {
	if create {
		if err := os.MkdirAll(path, 0o777); err != nil {
			return nil, osError("create target", path, err)
		}
	}
	root, err := os.OpenRoot(path)
	switch {
	case err == nil:
		return &target{root: root, overwrite: overwrite}, nil
	case errors.Is(err, fs.ErrNotExist) && !create:
		return nil, nil
	}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		return nil, fault.New(fault.Conflict, "open target", path, "it is not a directory")
	}
	return nil, osError("open target", path, err)
}

func (t *target) close() { _ = t.root.Close() }

// enter opens the directory at local, which the caller closes. Directories
// that are missing are made where create is set, else they are
// [fs.ErrNotExist]. Anything else on the way is [fault.Conflict], a symlink to
// a directory too.
func (t *target) enter(local string, create bool) (*os.Root, error) {
	at, err := t.root.OpenRoot(".")
	if err != nil || local == "." {
		return at, err
	}
	walked := ""
	for element := range strings.SplitSeq(local, string(filepath.Separator)) {
		walked = filepath.Join(walked, element)
		next, err := step(at, element, walked, create)
		_ = at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// step opens the directory name in at; walked is its path, for errors.
func step(at *os.Root, name, walked string, create bool) (*os.Root, error) {
	info, err := at.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && create {
		// Another worker may be first.
		if err = at.Mkdir(name, 0o777); err == nil || errors.Is(err, fs.ErrExist) {
			info, err = at.Lstat(name)
		}
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, inTheWay(walked, info, directory)
	}
	return at.OpenRoot(name)
}

// cursor is a worker's current directory: files come a directory at a time.
type cursor struct {
	target *target
	path   string
	at     *os.Root // nil before the first call of in
}

// in returns the directory at local, as [target.enter] does with create. It
// stays open until the next call.
func (c *cursor) in(local string) (*os.Root, error) {
	if c.at != nil && c.path == local {
		return c.at, nil
	}
	c.close()
	at, err := c.target.enter(local, true)
	if err != nil {
		return nil, err
	}
	c.path, c.at = local, at
	return at, nil
}

func (c *cursor) close() {
	if c.at != nil {
		_ = c.at.Close()
		c.at = nil
	}
}

// replaceable decides what may happen to what stands where e goes. Only files
// and symlinks are ever replaced, and only where that is asked for.
func (t *target) replaceable(e entry, info fs.FileInfo) error {
	plain := info.Mode().IsRegular() || info.Mode().Type() == fs.ModeSymlink
	if !plain || e.kind == directory {
		return inTheWay(e.path, info, e.kind)
	}
	if !t.overwrite {
		err := fault.New(fault.Conflict, "restore", e.path, "%s that is not the artifact's stands there", describe(info))
		return fault.Hint(err, "use --overwrite to replace what differs, or choose another target")
	}
	return nil
}

// inTheWay is the error for something that is never replaced.
func inTheWay(path string, info fs.FileInfo, want kind) error {
	err := fault.New(fault.Conflict, "restore", path, "%s stands where %s goes", describe(info), want)
	return fault.Hint(err, "move it away, or choose another target")
}

func describe(info fs.FileInfo) string {
	switch info.Mode().Type() {
	case 0:
		return file.String()
	case fs.ModeDir:
		return directory.String()
	case fs.ModeSymlink:
		return symlink.String()
	}
	return "a special file"
}

// osError gives an error of the operating system its kind.
func osError(op, path string, err error) error {
	kind := fault.Other
	switch {
	case fault.KindOf(err) != fault.Other:
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		kind = fault.Full
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		kind = fault.Denied
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		kind = fault.Conflict // the tree changed beneath us
	}
	return fault.Wrap(kind, op, path, err)
}
