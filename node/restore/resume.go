package restore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// openPartial opens b's partial file, new or as an earlier restore left it,
// and returns how many bytes it holds: all of them b's, whatever happened to
// the file since.
func (r *restorer) openPartial(ctx context.Context, dir *os.Root, name string, b blob) (*os.File, int64, error) {
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if !errors.Is(err, fs.ErrExist) {
		return f, 0, err
	}
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, inTheWay(name, info, file)
	}
	if links(info) > 1 {
		// Whoever shares the target may have put another file's name here, and
		// neither its content nor its permissions are ours to change.
		if err := dir.Remove(name); err != nil {
			return nil, 0, err
		}
		f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		return f, 0, err
	}
	if info.Mode().Perm()&0o600 != 0o600 { // it was as good as done
		if err := dir.Chmod(name, 0o600); err != nil {
			return nil, 0, err
		}
	}
	if f, err = openSame(dir, name, os.O_RDWR, info); err != nil {
		return nil, 0, err
	}
	good, err := r.takeUp(ctx, f, b)
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, good, nil
}

// takeUp cuts f after what is right in it.
func (r *restorer) takeUp(ctx context.Context, f *os.File, b blob) (int64, error) {
	good, err := intact(ctx, f, b)
	if err != nil {
		return 0, err
	}
	r.resumed.Add(good)
	r.meter.add(0, good)
	return good, f.Truncate(good)
}

// intact returns how many bytes at the start of f are b's: whole chunks, each
// checked by its CID, up to the first that is not.
func intact(ctx context.Context, f io.ReaderAt, b blob) (int64, error) {
	var good int64
	var buf []byte
	err := b.chunks(ctx, 0, func(off int64, c dag.CID, size int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if size > len(buf) {
			buf = make([]byte, size)
		}
		switch n, err := f.ReadAt(buf[:size], off); {
		case n < size && errors.Is(err, io.EOF):
			return fs.SkipAll
		case n < size:
			return err
		case dag.Sum(buf[:size]) != c.Digest:
			return fs.SkipAll
		}
		good = off + int64(size)
		return nil
	})
	return good, err
}

// discard removes a partial file that is not needed any more.
func discard(dir *os.Root, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Other, "remove partial file", name, err)
	}
	return nil
}

// busy keeps two workers from one partial file: files of equal content in one
// directory share its name.
type busy struct {
	mu   sync.Mutex // guards held
	held map[string]chan struct{}
}

// lock waits until nobody holds name, or ctx ends.
func (b *busy) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		b.mu.Lock()
		other, taken := b.held[name]
		if !taken {
			break
		}
		b.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = make(map[string]chan struct{})
	}
	mine := make(chan struct{})
	b.held[name] = mine
	return func() {
		b.mu.Lock()
		delete(b.held, name)
		b.mu.Unlock()
		close(mine)
	}, nil
}
