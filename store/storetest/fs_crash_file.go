package storetest

import (
	"io"
	"slices"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// crashHandle is an open [crashFile].
type crashHandle struct {
	fs     *CrashFS
	name   string
	file   *crashFile
	closed bool // guarded by fs.mu
}

// lock takes the file system's lock where the handle is open.
func (h *crashHandle) lock(op string) error {
	h.fs.mu.Lock()
	if h.closed {
		h.fs.mu.Unlock()
		return fault.New(fault.Unavailable, op, h.name, "the file is closed")
	}
	return nil
}

func (h *crashHandle) ReadAt(p []byte, off int64) (int, error) {
	if err := h.lock("read file"); err != nil {
		return 0, err
	}
	defer h.fs.mu.Unlock()
	if off >= int64(len(h.file.now)) {
		return 0, io.EOF
	}
	n := copy(p, h.file.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *crashHandle) WriteAt(p []byte, off int64) (int, error) {
	if !pack.Aligned(p, off) {
		return 0, fault.New(fault.Invalid, "write file", h.name, "%d bytes at %d are not aligned", len(p), off)
	}
	if err := h.change("write file", change{off: off, data: slices.Clone(p)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *crashHandle) Truncate(size int64) error {
	return h.change("truncate file", change{off: size})
}

// Preallocate implements [pack.Preallocator].
func (h *crashHandle) Preallocate(size int64) error {
	if have, err := h.Size(); err != nil || have >= size {
		return err
	}
	return h.change("preallocate file", change{off: size})
}

// change makes a change visible and remembers it as not durable.
func (h *crashHandle) change(op string, ch change) error {
	if err := h.lock(op); err != nil {
		return err
	}
	defer h.fs.mu.Unlock()
	f := h.file
	return h.fs.do(op, h.name,
		func() { f.now = ch.apply(f.now); f.pending = append(f.pending, ch) },
		f.settle, nil)
}

func (h *crashHandle) Sync() error {
	if err := h.lock("sync file"); err != nil {
		return err
	}
	defer h.fs.mu.Unlock()
	f := h.file
	return h.fs.do("sync file", h.name, f.settle, nil, func() { f.lose(h.fs.rng) })
}

func (h *crashHandle) Size() (int64, error) {
	if err := h.lock("size of file"); err != nil {
		return 0, err
	}
	defer h.fs.mu.Unlock()
	return int64(len(h.file.now)), nil
}

func (h *crashHandle) Close() error {
	if err := h.lock("close file"); err != nil {
		return err
	}
	defer h.fs.mu.Unlock()
	h.closed = true
	return nil
}
