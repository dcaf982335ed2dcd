package pack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/tegwick/artifact-store/dag/fault"
)

// OSOptions are choices of [OS].
type OSOptions struct {
	// Buffered writes through the page cache even where O_DIRECT works.
	Buffered bool
}

// OS returns the directory dir of the operating system as an [FS]. On Linux
// it writes with O_DIRECT where the file system takes it (tried once, on an
// unnamed file) and reads through the page cache; elsewhere both go through
// the page cache. dir must exist, else [fault.NotFound].
func OS(dir string, opt OSOptions) (FS, error) {
	const op = "open directory"
	info, err := os.Stat(dir)
	if err != nil {
		return nil, osFault(op, dir, err)
	}
	if !info.IsDir() {
		return nil, fault.New(fault.Invalid, op, dir, "not a directory")
	}
	return &osFS{dir: dir, direct: !opt.Buffered && directWorks(dir)}, nil
}

type osFS struct {
	dir    string
	direct bool // write through a second descriptor with O_DIRECT
}

func (o *osFS) path(op, name string) (string, error) {
	if name == "" || name == "." || name == ".." || name != filepath.Base(name) {
		return "", fault.New(fault.Invalid, op, name, "not a plain file name")
	}
	return filepath.Join(o.dir, name), nil
}

func (o *osFS) Create(name string, size int64) (File, error) {
	const op = "create file"
	path, err := o.path(op, name)
	if err != nil {
		return nil, err
	}
	plain, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, osFault(op, path, err)
	}
	f := &osFile{path: path, read: plain, direct: o.direct, writable: true}
	err = f.Preallocate(size)
	if err == nil {
		err = osFault(op, path, syncDirectory(o.dir))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

func (o *osFS) Open(name string) (File, error) {
	path, err := o.path("open file", name)
	if err != nil {
		return nil, err
	}
	plain, err := os.Open(path)
	if err != nil {
		return nil, osFault("open file", path, err)
	}
	return &osFile{path: path, read: plain, direct: o.direct}, nil
}

func (o *osFS) Remove(name string) error {
	path, err := o.path("remove file", name)
	if err != nil {
		return err
	}
	if err = os.Remove(path); err == nil {
		err = syncDirectory(o.dir)
	}
	return osFault("remove file", path, err)
}

func (o *osFS) List() ([]string, error) {
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		return nil, osFault("list directory", o.dir, err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// osFile reads through one descriptor and writes through another, opened by
// the first write, so that a reader costs one descriptor and needs no
// permission to write.
type osFile struct {
	path     string
	read     *os.File
	writable bool // read can write, too
	direct   bool // open the writing descriptor with O_DIRECT

	once     sync.Once // guards the opening of write
	write    *os.File
	writeErr error
}

// writer returns the descriptor for writing.
func (f *osFile) writer() (*os.File, error) {
	f.once.Do(func() {
		switch {
		case f.direct:
			f.write, f.writeErr = os.OpenFile(f.path, os.O_RDWR|directFlag, 0)
		case f.writable:
			f.write = f.read
		default:
			f.write, f.writeErr = os.OpenFile(f.path, os.O_RDWR, 0)
		}
	})
	return f.write, osFault("open for writing", f.path, f.writeErr)
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) { return f.read.ReadAt(p, off) }

func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	if !Aligned(p, off) {
		return 0, fault.New(fault.Invalid, "write file", f.path, "%d bytes at %d are not aligned", len(p), off)
	}
	w, err := f.writer()
	if err != nil {
		return 0, err
	}
	n, err := w.WriteAt(p, off)
	return n, osFault("write file", f.path, err)
}

func (f *osFile) Sync() error {
	w, err := f.writer()
	if err != nil {
		return err
	}
	return osFault("sync file", f.path, syncData(w))
}

func (f *osFile) Truncate(size int64) error {
	w, err := f.writer()
	if err != nil {
		return err
	}
	return osFault("truncate file", f.path, w.Truncate(size))
}

// Preallocate implements [Preallocator]. A file system that cannot reserve
// space gets a sparse file.
func (f *osFile) Preallocate(size int64) error {
	w, err := f.writer()
	if err != nil {
		return err
	}
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return osFault("preallocate file", f.path, preallocate(w, size))
}

func (f *osFile) Size() (int64, error) {
	info, err := f.read.Stat()
	if err != nil {
		return 0, osFault("size of file", f.path, err)
	}
	return info.Size(), nil
}

func (f *osFile) Close() error {
	f.once.Do(func() { f.writeErr = os.ErrClosed })
	err := f.read.Close()
	if f.write != nil && f.write != f.read {
		err = errors.Join(err, f.write.Close())
	}
	return osFault("close file", f.path, err)
}

// osFault classifies an error of the operating system; nil stays nil.
func osFault(op, path string, err error) error {
	kind := fault.Unavailable
	switch {
	case fault.KindOf(err) != fault.Other:
		kind = fault.Other // has one already
	case isFull(err):
		kind = fault.Full
	case errors.Is(err, fs.ErrNotExist):
		kind = fault.NotFound
	case errors.Is(err, fs.ErrExist):
		kind = fault.Conflict
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		kind = fault.Denied
	}
	return fault.Wrap(kind, op, path, err)
}
