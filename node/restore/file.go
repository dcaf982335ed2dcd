package restore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// writeFile puts the file e in its place, or finds that it is there.
func (r *restorer) writeFile(ctx context.Context, at *cursor, e entry) error {
	b, err := r.fetch.open(ctx, e.layer)
	if err != nil {
		return err
	}
	if b.sealed {
		return sealed(b.root)
	}
	dir, err := at.in(e.dir())
	if err != nil {
		return err
	}
	partial := dag.PartialName(b.root.Digest)
	unlock, err := r.busy.lock(ctx, e.dir()+"/"+partial)
	if err != nil {
		return err
	}
	defer unlock()
	right, err := r.present(ctx, dir, e, b)
	if err != nil {
		return err
	}
	if right {
		r.skipped.Add(1)
		r.meter.add(1, b.size)
		return discard(dir, partial)
	}
	if err := r.write(ctx, dir, e, b, partial); err != nil {
		return err
	}
	r.files.Add(1)
	r.bytes.Add(b.size)
	r.meter.add(1, 0)
	return nil
}

// present reports whether e's content stands in its place already, by its
// bytes, and then sees to its permissions. Something else that may not be
// replaced is [fault.Conflict].
func (r *restorer) present(ctx context.Context, dir *os.Root, e entry, b blob) (bool, error) {
	info, err := dir.Lstat(e.base())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Mode().IsRegular() && info.Size() == b.size {
		f, err := openToRead(dir, e.base(), info)
		if err != nil {
			return false, err
		}
		defer f.Close()
		good, err := intact(ctx, f, b)
		if err != nil {
			return false, err
		}
		if good == b.size {
			return true, setPermissions(f, info, e)
		}
	}
	return false, r.target.replaceable(e, info)
}

// setPermissions gives f, which info describes, e's permission bits. Windows
// has none but read-only, which it shows as others.
func setPermissions(f *os.File, info fs.FileInfo, e entry) error {
	if info.Mode().Perm() == e.mode || runtime.GOOS == "windows" && info.Mode().Perm()&0o200 == e.mode&0o200 {
		return nil
	}
	return f.Chmod(e.mode)
}

// write makes e's content as a partial file and gives it its name.
func (r *restorer) write(ctx context.Context, dir *os.Root, e entry, b blob, partial string) error {
	f, from, err := r.openPartial(ctx, dir, partial, b)
	if err != nil {
		return err
	}
	err = r.fill(ctx, f, b, from)
	if err == nil {
		err = f.Chmod(e.mode)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return dir.Rename(partial, e.base())
}

// fill writes b to f, whose first from bytes are right and its only ones.
// Chunks of zeros are left out: they become holes.
func (r *restorer) fill(ctx context.Context, f *os.File, b blob, from int64) error {
	hole := false
	err := r.fetch.each(ctx, b, from, func(p piece) error {
		if p.err != nil {
			return p.err
		}
		if hole = p.hole; !hole {
			if _, err := f.WriteAt(p.data, p.off); err != nil {
				return osError("write", f.Name(), err)
			}
		}
		r.meter.add(0, int64(len(p.data)))
		return ctx.Err()
	})
	if err == nil && hole {
		err = f.Truncate(b.size)
	}
	return err
}

// openToRead opens the regular file name in dir, which info describes. One
// that its permissions hide from its owner it opens too, and leaves as it was.
func openToRead(dir *os.Root, name string, info fs.FileInfo) (*os.File, error) {
	f, err := openSame(dir, name, os.O_RDONLY, info)
	if !errors.Is(err, fs.ErrPermission) || info.Mode().Perm()&0o400 != 0 {
		return f, err
	}
	if err := dir.Chmod(name, info.Mode().Perm()|0o400); err != nil {
		return nil, err
	}
	if f, err = openSame(dir, name, os.O_RDONLY, info); err != nil {
		return nil, err
	}
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// openSame opens the regular file name in dir, which info describes, and is
// sure to have opened that one: what a symlink put there meanwhile leads to is
// never touched.
func openSame(dir *os.Root, name string, flag int, info fs.FileInfo) (*os.File, error) {
	f, err := dir.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	now, err := f.Stat()
	if err == nil && !os.SameFile(info, now) {
		err = fault.New(fault.Conflict, "open", name, "it was replaced meanwhile")
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
