package restore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// lookout finds what stands in the way of a plan before anything is written.
type lookout struct {
	target *target
	path   string
	at     *os.Root // the directory at path; nil where there is none
	begun  bool     // path is valid
}

// allowed returns an error where e cannot go to its place, as far as can be
// told without reading content.
func (l *lookout) allowed(e entry) error {
	if err := l.move(e.dir()); err != nil || l.at == nil {
		return err
	}
	info, err := l.at.Lstat(e.base())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return osError("restore", e.path, err)
	}
	switch {
	case e.kind == directory && info.IsDir():
		return nil
	case e.kind == file && info.Mode().IsRegular() && info.Size() == int64(e.layer.Size):
		return nil
	case e.kind == symlink && leadsTo(l.at, e, info):
		return nil
	}
	return l.target.replaceable(e, info)
}

// move makes the directory at local the current one. One that cannot be read
// yet is as one that is not there: writing opens it, or fails then.
func (l *lookout) move(local string) error {
	if l.begun && l.path == local {
		return nil
	}
	l.close()
	at, err := l.target.enter(local, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return osError("restore", filepath.ToSlash(local), err)
	}
	l.path, l.at, l.begun = local, at, true
	return nil
}

func (l *lookout) close() {
	if l.at != nil {
		_ = l.at.Close()
		l.at = nil
	}
}
