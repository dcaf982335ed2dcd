package storetest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// FailMode says what becomes of an operation that is made to fail.
type FailMode uint8

// The modes of [CrashFS.FailAt].
const (
	// Failed: the operation has no effect. A sync that fails so has lost what
	// it should have written, as Linux does: the bytes still read back, but no
	// later sync makes them durable.
	Failed FailMode = iota
	// Persisted: the operation has its whole effect, durably, and yet fails.
	Persisted
	// Halted: this operation and each one after it fail without effect, as in
	// a machine that is about to go down.
	Halted
)

// CrashFS is a [pack.FS] in memory that tells what is durable from what is
// not, and can fail any operation. It may be used concurrently.
type CrashFS struct {
	mu     sync.Mutex // guards all below, and the contents of the files
	rng    *rand.Rand
	files  map[string]*crashFile
	ops    int
	failAt int // 0: never
	mode   FailMode
}

// crashFile is one file: what a reader sees, what is durable, and the changes
// between the two in order.
type crashFile struct {
	now     []byte
	durable []byte
	pending []change
}

// change is a write or, where data is nil, a setting of the size.
type change struct {
	off  int64 // or the size
	data []byte
}

// NewCrashFS returns an empty file system whose choices at a crash follow from
// the seed.
func NewCrashFS(seed uint64) *CrashFS {
	return &CrashFS{rng: rand.New(rand.NewPCG(seed, 0)), files: make(map[string]*crashFile)}
}

// FailAt makes the n-th operation from the beginning fail, counted from 1; 0
// takes that back. Operations are Create, Remove, WriteAt, Sync, Truncate and
// Preallocate.
func (c *CrashFS) FailAt(n int, mode FailMode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failAt, c.mode = n, mode
}

// Operations returns how many operations there were.
func (c *CrashFS) Operations() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ops
}

// Crash returns a file system as a power cut now could leave this one, which
// stays as it is. What was synced is there; of every other change each sector
// of 512 bytes, or each block of 4096, may have arrived or not, in any order.
// Sizes change in order. The result counts and fails operations anew.
func (c *CrashFS) Crash() *CrashFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	after := NewCrashFS(c.rng.Uint64())
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		left := c.files[name].crash(c.rng)
		after.files[name] = &crashFile{now: left, durable: slices.Clone(left)}
	}
	return after
}

// Flip inverts the bits of mask in one byte of a file, as a decaying disk
// does. The file must have that byte.
func (c *CrashFS) Flip(name string, off int64, mask byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[name]
	f.now[off] ^= mask
	if off < int64(len(f.durable)) {
		f.durable[off] ^= mask
	}
}

// crash returns the bytes that are left of f.
func (f *crashFile) crash(rng *rand.Rand) []byte {
	left := slices.Clone(f.durable)
	sizes := rng.IntN(len(f.pending) + 1) // how many changes of size arrive
	unit := int64(512)
	if rng.IntN(2) == 0 {
		unit = pack.Align
	}
	// Of everything, of nothing, or of some of it.
	odds := []float64{0, 1, 0.5, 0.9, 0.1}[rng.IntN(5)]
	for i, ch := range f.pending {
		end := ch.off + int64(len(ch.data))
		if i < sizes && (ch.data == nil || end > int64(len(left))) {
			left = resize(left, end)
		}
		if end > int64(len(left)) {
			end = int64(len(left))
		}
		for at := ch.off; at < end; at += unit {
			if rng.Float64() < odds {
				copy(left[at:], ch.data[at-ch.off:min(at+unit, end)-ch.off])
			}
		}
	}
	return left
}

// resize returns b with n bytes, zeros at its end.
func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return slices.Clip(b[:n])
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

// apply returns b after the change.
func (ch change) apply(b []byte) []byte {
	end := ch.off + int64(len(ch.data))
	if ch.data == nil || end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[ch.off:], ch.data)
	return b
}

// do counts an operation and runs it, or fails it as asked. c.mu is held.
// persist makes the effect durable, lose is what a failure does; both may be
// nil.
func (c *CrashFS) do(op, name string, effect, persist, lose func()) error {
	c.ops++
	fails := c.failAt > 0 && (c.ops == c.failAt || c.mode == Halted && c.ops > c.failAt)
	if !fails {
		effect()
		return nil
	}
	switch {
	case c.mode == Persisted:
		effect()
		if persist != nil {
			persist()
		}
	case c.mode == Failed && lose != nil:
		lose()
	}
	return fault.New(fault.Unavailable, op, name, "made to fail at operation %d", c.ops)
}

// Create implements [pack.FS].
func (c *CrashFS) Create(name string, size int64) (pack.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := plainName("create file", name); err != nil {
		return nil, err
	}
	if c.files[name] != nil {
		return nil, fault.New(fault.Conflict, "create file", name, "it exists")
	}
	// The entry is durable on return, the size is not.
	f := &crashFile{now: make([]byte, size), pending: []change{{off: size}}}
	if err := c.do("create file", name, func() { c.files[name] = f }, f.settle, nil); err != nil {
		return nil, err
	}
	return &crashHandle{fs: c, name: name, file: f}, nil
}

// Open implements [pack.FS].
func (c *CrashFS) Open(name string) (pack.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := plainName("open file", name); err != nil {
		return nil, err
	}
	f := c.files[name]
	if f == nil {
		return nil, fault.New(fault.NotFound, "open file", name, "there is no such file")
	}
	return &crashHandle{fs: c, name: name, file: f}, nil
}

// Remove implements [pack.FS].
func (c *CrashFS) Remove(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := plainName("remove file", name); err != nil {
		return err
	}
	if c.files[name] == nil {
		return fault.New(fault.NotFound, "remove file", name, "there is no such file")
	}
	return c.do("remove file", name, func() { delete(c.files, name) }, nil, nil)
}

// List implements [pack.FS].
func (c *CrashFS) List() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.files)), nil
}

func plainName(op, name string) error {
	if name == "" || name == "." || name == ".." || bytes.ContainsAny([]byte(name), `/\`) {
		return fault.New(fault.Invalid, op, name, "not a plain file name")
	}
	return nil
}

// settle makes all that is pending durable.
func (f *crashFile) settle() {
	for _, ch := range f.pending {
		f.durable = ch.apply(f.durable)
	}
	f.pending = nil
}

// lose is a failed sync: what of the data did not arrive never will.
func (f *crashFile) lose(rng *rand.Rand) {
	f.durable = f.crash(rng)
	f.pending = slices.DeleteFunc(f.pending, func(ch change) bool { return ch.data != nil })
}
