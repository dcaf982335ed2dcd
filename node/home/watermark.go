package home

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/tegwick/artifact-store/dag/fault"
)

const opMark = "keep watermark"

// markSyncAfter is how long a mark may wait to be made durable.
const markSyncAfter = time.Second

// Mark says how far a store has come: the number of its events, and the chain
// of them all.
type Mark struct {
	Sequence uint64
	Chain    [32]byte
}

// Watermark keeps a store's mark outside of its directory, by the store's
// identity: a copy of the store that is brought back from a backup finds there
// how far the logs were published. Of all copies of a store that share it, one
// at a time has it. It is safe for concurrent use.
//
// Its file is made whole with the first mark, and has two slots. What was made
// durable is in one, and all marks after it go to the other until they are
// durable in turn, so that what a power cut tears or loses leaves an older mark.
type Watermark struct {
	id       [16]byte
	path     string
	now      func() time.Time
	explicit bool  // somebody chose the place: one that cannot be used is an error
	err      error // where no place for it is known

	mu     sync.Mutex // guards all below
	lock   *flock.Flock
	file   *os.File // nil until it is there
	denied error    // why no mark can be written, once open has tried
	slot   int64    // that the next mark goes to
	synced time.Time
	dirty  bool // there is a mark that is not durable
}

// Load returns the mark that was saved last; false where none was. Of two slots
// that can be read the further counts.
//
// Errors: [fault.Corrupt] where there is a file and no mark can be read in it,
// and [fault.Unavailable] where a copy of the store has it. A place that cannot
// be used counts as one without a mark, unless somebody chose it.
func (w *Watermark) Load() (Mark, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known, err := w.open()
	if err == nil && w.explicit {
		err = w.denied
	}
	if !w.explicit && w.denied != nil && !fault.Is(err, fault.Corrupt) {
		err = nil // Save says it, to who is told of it
	}
	return last, known, err
}

// Save keeps a mark. It does not wait for the disk, but once a second: what a
// crash of the system loses leaves an older mark, which protects less and harms
// nothing. Errors: [fault.Unavailable] where no place is known for it or a copy
// of the store has it, [fault.Corrupt] as [Watermark.Load], and the system's.
func (w *Watermark) Save(m Mark) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		if _, _, err := w.open(); err != nil {
			return err
		}
	}
	if w.denied != nil {
		return w.denied
	}
	if w.file == nil {
		return w.make(m)
	}
	slot := encodeSlot(w.id, m)
	if _, err := w.file.WriteAt(slot[:], w.slot*slotSize); err != nil {
		return wrapWrite(opMark, w.path, err)
	}
	w.dirty = true
	if since := w.now().Sub(w.synced); since < 0 || since >= markSyncAfter {
		return w.sync()
	}
	return nil
}

// Sync makes the last mark durable.
func (w *Watermark) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sync()
}

// Close makes the last mark durable and lets go of the file, and of the lock
// against copies of the store.
func (w *Watermark) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.sync()
	if w.file != nil {
		err = errors.Join(err, w.file.Close())
	}
	if w.lock != nil {
		err = errors.Join(err, w.lock.Unlock())
	}
	w.file, w.lock, w.denied = nil, nil, nil
	return fault.Wrap(kindOf(err), opMark, w.path, err)
}

// sync makes the last mark durable, and turns to the other slot. The mutex is
// held.
func (w *Watermark) sync() error {
	if !w.dirty {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return wrapWrite(opMark, w.path, err)
	}
	w.slot, w.synced, w.dirty = 1-w.slot, w.now(), false
	return nil
}

// make makes the file, with a first mark. The mutex is held.
func (w *Watermark) make(m Mark) error {
	dir, name := filepath.Split(w.path)
	first, room := encodeSlot(w.id, m), [slotSize + markSize]byte{}
	copy(room[:], first[:])
	if err := writeNew(opMark, filepath.Clean(dir), name, privateMode, room[:]); err != nil {
		return err
	}
	_, _, err := w.open()
	return err
}

// open takes the lock, opens the file where there is one, and reads it. The
// mutex is held.
func (w *Watermark) open() (last Mark, known bool, err error) {
	if w.err != nil {
		w.denied = w.err
		return last, false, w.err
	}
	if err := w.acquire(); err != nil {
		return last, false, err
	}
	if w.file == nil {
		err := w.openFile()
		if fault.Is(err, fault.NotFound) {
			return last, false, nil
		}
		if err != nil {
			return last, false, cmp.Or(w.denied, err) // the first says more
		}
	}
	slots, err := readSlots(w.id, w.file)
	if err != nil {
		return last, false, fault.Wrap(kindOf(err), opMark, w.path, err)
	}
	for i, s := range slots {
		if s.ok && (!known || s.mark.Sequence > last.Sequence) {
			last, known = s.mark, true
			if !w.dirty {
				w.slot = int64(1 - i)
			}
		}
	}
	if !known {
		err := errors.Join(fault.New(fault.Corrupt, opMark, w.path, "no mark of this store can be read in it"), w.drop())
		return last, false, fault.Hint(err, "make sure that this store is not an older copy of itself, then remove the file")
	}
	return last, true, nil
}

// openFile opens the file for writing, or else for reading: a mark that cannot
// be changed protects still.
func (w *Watermark) openFile() (err error) {
	w.file, _, err = openRegular(opMark, w.path, os.O_RDWR)
	if k := fault.KindOf(err); k == fault.Denied || k == fault.Invalid {
		w.denied = cmp.Or(w.denied, err)
		w.file, _, err = openRegular(opMark, w.path, os.O_RDONLY)
	}
	w.synced = w.now()
	return err
}

// drop closes a file that is of no use.
func (w *Watermark) drop() error {
	err := w.file.Close()
	w.file = nil
	return err
}

// acquire keeps other copies of the store from the mark: each would find it
// where it left it, and both go on from there. A place that cannot be written
// to is noted in denied. The mutex is held.
func (w *Watermark) acquire() error {
	if w.lock != nil {
		return nil
	}
	lock, got := flock.New(w.path+".lock"), false
	err := makeDir(filepath.Dir(w.path))
	if err == nil {
		got, err = lock.TryLock()
	}
	w.denied = wrapWrite(opMark, w.path, err)
	if got {
		w.lock = lock
	}
	if got || err != nil {
		return nil
	}
	err = fault.New(fault.Unavailable, opMark, w.path, "another copy of this store has it")
	return fault.Hint(err, "wait until the process that works on the other copy ends; two copies of a store cannot both go on")
}
