package home

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
)

// The room that is kept free. The index writes to its files through mappings,
// and on a full disk such a write kills the process (SIGBUS), in goroutines that
// nothing can protect. So whatever the store writes is refused before that.
//
// What the index (Badger with memtables of 8 MiB) may take beyond the bytes
// that are handed to it, without asking:
//
//   - logs of three memtables of at most 8 + 1.2 MiB each (their files are
//     sparse and look like 16 MiB), which hold bytes that were admitted;
//   - a table for each, up to the size of its log, before the log is removed;
//   - compactions, which write new tables, at most as large as those that they
//     read, before the old are removed; the largest reads some hundred MiB;
//   - a value log (2 MiB, sparse, empty), a statistics file (1 MiB, sparse) and
//     the manifest: a few pages.
//
// All but the last are at most what the index already has on disk. So the room
// kept is a fixed reserve and, beside it, the allocated size of the index up to
// maxTransient.
const (
	reserveBytes    = 64 << 20
	reserveFraction = 8 // of a file system: a smaller reserve on a small one
	maxTransient    = 512 << 20

	// freeingFraction is of the reserve, and is left to what frees space: it has
	// to write before it can.
	freeingFraction = 2

	// openFraction is of the reserve, and is what opening needs at least.
	openFraction = 8

	// What may be admitted before the file system is looked at again, and for
	// how long: others write to it too.
	refreshBytes    = 16 << 20
	refreshFraction = 4 // of the reserve: less on a small file system
	refreshAfter    = time.Second
)

// space keeps the reserve of a directory.
type space struct {
	dir string
	now func() time.Time

	mu     sync.Mutex // guards all below
	budget int64      // bytes that may be admitted without a look
	looked time.Time
	// freeing counts the operations that may go into the reserve.
	freeing int
}

// room is what a look at the file system gives, in bytes.
type room struct {
	free      int64
	reserve   int64
	transient int64 // what the index may write for itself
}

// open makes sure that the index can be opened, giving up the ballast for it
// where that is enough, and makes the ballast where there is plenty of room.
func (s *space) open(dir string, opt Options) error {
	s.dir, s.now = dir, opt.Now
	r, total, err := s.look()
	if err != nil {
		return err
	}
	need := r.reserve/openFraction + r.transient
	if r.free >= need {
		s.makeBallast(ballastSize(opt.Ballast, total), r)
		return nil
	}
	if r.free+s.ballast() >= need {
		_, err := s.releaseBallast()
		return err
	}
	err = fault.New(fault.Full, opOpen, dir, "%d bytes are free, and opening the index safely takes %d", r.free, need)
	return fault.Hint(err, "free at least %d bytes on the file system, outside of the store", need-r.free)
}

// Free returns how many bytes are free on the store's file system for this
// user, the reserve included.
func (h *Home) Free() (uint64, error) {
	free, _, err := statfs(h.dir)
	if err != nil {
		return 0, wrap(h.dir, err)
	}
	return free, nil
}

// Capacity returns the size of the store's file system in bytes.
func (h *Home) Capacity() (int64, error) {
	_, total, err := h.space.look()
	return total, err
}

// Admit is asked before n more bytes are written to the store. [fault.Full]
// means that they would eat into the reserve. What was admitted is to be written
// soon: only what has been written is seen by the next look.
//
// It is cheap: the file system is looked at every 16 MiB, or every second.
func (h *Home) Admit(n int64) error {
	n = max(n, 0)
	s := &h.space
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if since := now.Sub(s.looked); n <= s.budget && since >= 0 && since < refreshAfter {
		s.budget -= n
		return nil
	}
	s.budget = 0
	r, _, err := s.look()
	if err != nil {
		return err
	}
	if s.freeing > 0 {
		r.reserve -= r.reserve / freeingFraction
	}
	left := r.free - r.reserve - r.transient - n
	if left < 0 {
		err := fault.New(fault.Full, "write to store", s.dir, "%d bytes are free, of which %d are kept in reserve, and %d are needed",
			r.free, r.reserve+r.transient, n)
		return fault.Hint(err, "free space on the file system, or remove artifacts and run: artifact gc")
	}
	s.budget, s.looked = min(left, refreshBytes, r.reserve/refreshFraction), now
	return nil
}

// Freeing lets what is admitted go into a part of the reserve until done is
// called, once. It is for operations that free space: removing a reference
// writes a record, and collection writes what lives before it removes a file.
// What else is admitted meanwhile may go there too.
func (h *Home) Freeing() (done func()) {
	change := func(by int) {
		h.space.mu.Lock()
		defer h.space.mu.Unlock()
		h.space.freeing += by
		h.space.budget = 0
	}
	change(1)
	return func() { change(-1) }
}

// ReleaseBallast gives the ballast's bytes back to the file system and returns
// how many there were. It is made again when the store is opened with plenty of
// room.
func (h *Home) ReleaseBallast() (int64, error) {
	h.space.mu.Lock()
	defer h.space.mu.Unlock()
	return h.space.releaseBallast()
}

func (s *space) look() (r room, total int64, err error) {
	free, size, err := statfs(s.dir)
	if err != nil {
		return r, 0, wrap(s.dir, err)
	}
	r.free = int64(min(free, 1<<62))
	total = int64(min(size, 1<<62))
	r.reserve = min(reserveBytes, total/reserveFraction)
	r.transient, err = indexSize(filepath.Join(s.dir, indexName))
	return r, total, err
}

// indexSize returns what the files in dir take on disk, up to maxTransient.
func indexSize(dir string) (int64, error) {
	f, err := os.Open(dir)
	if err != nil {
		return 0, wrap(dir, err)
	}
	defer f.Close()
	var sum int64
	for sum < maxTransient {
		infos, err := f.Readdir(64)
		for _, info := range infos {
			sum += allocated(info)
		}
		if err != nil {
			break // the end; a directory that cannot be read to it counts in part
		}
	}
	return min(sum, maxTransient), nil
}
