package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/tegwick/artifact-store/dag/fault"
)

// errChanged says that what was read may be no state that the file ever had.
var errChanged = errors.New("changed while being read")

// place is where a file stands: a path given by the caller, or a name in a
// directory that is held open, so that nothing that happens to the directories
// above can lead elsewhere.
type place struct {
	path string     // on this machine: for people, and to be opened where dir is nil
	dir  *directory // may be nil
	name string     // in dir
}

// stat returns what stands at p now. A link is followed only where the caller
// named it.
func (p place) stat() (fs.FileInfo, error) {
	if p.dir == nil {
		return os.Stat(p.path)
	}
	return p.dir.root.Lstat(p.name)
}

// open opens the regular file at p, which must be the one that stat sees. It
// never waits, were there a FIFO by now.
func (p place) open() (*os.File, fs.FileInfo, error) {
	seen, err := p.stat()
	if err != nil {
		return nil, nil, p.blame(err, nil)
	}
	if !seen.Mode().IsRegular() { // it was when it was listed
		return nil, nil, errChanged
	}
	var f *os.File
	if p.dir == nil {
		f, err = os.OpenFile(p.path, os.O_RDONLY|openNonblock, 0)
	} else {
		f, err = p.dir.root.OpenFile(p.name, os.O_RDONLY|openNonblock, 0)
	}
	if err != nil {
		return nil, nil, p.blame(err, seen)
	}
	now, err := f.Stat()
	if err == nil && !same(seen, now) {
		err = errChanged
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, now, nil
}

// blame turns err, of an operation on p, into [errChanged] where p is no
// longer what was seen of it.
func (p place) blame(err error, seen fs.FileInfo) error {
	now, statErr := p.stat()
	if errors.Is(statErr, fs.ErrNotExist) || seen != nil && statErr == nil && !same(seen, now) {
		return errChanged
	}
	return err
}

// same reports whether a and b describe one file. Its number alone does not
// say so: a link may get that of the file which it replaces.
func same(a, b fs.FileInfo) bool { return a.Mode().Type() == b.Mode().Type() && os.SameFile(a, b) }

// unchanged opens the file at p, lets read have it, and returns nil only where
// the file was the same before and after, and read took all of it. Else it
// tries again, and at last gives up with [errChanged].
//
// The comparison is by size and modification time. A write that restores both
// is not seen, nor one within the same tick of the file system's clock as
// another just before the reading began.
func (p place) unchanged(ctx context.Context, read func(f *os.File, info fs.FileInfo) (n int64, err error)) error {
	var err error
	for range attempts {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = p.once(read); !errors.Is(err, errChanged) {
			break
		}
	}
	return err
}

func (p place) once(read func(f *os.File, info fs.FileInfo) (int64, error)) error {
	f, before, err := p.open()
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := read(f, before)
	if err != nil {
		return err
	}
	after, err := f.Stat()
	if err != nil {
		return err
	}
	if n != before.Size() || n != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return errChanged
	}
	return nil
}

// describe gives an error about path its name, and its kind where it has none.
func describe(path string, err error) error {
	switch {
	case errors.Is(err, errChanged):
		return fault.Hint(fault.Wrap(fault.Conflict, op, path, err),
			"stop what writes to it, or give a copy or a snapshot of it")
	case fault.KindOf(err) != fault.Other:
		return fault.Wrap(fault.Other, op, path, err)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, op, path, err)
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.NotFound, op, path, err)
	}
	return fault.Wrap(fault.Other, op, path, err)
}
