package pack

import (
	"errors"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Writer appends batches to one segment. It is for one goroutine at a time.
type Writer struct {
	id    uint64
	store StoreID
	file  File
	size  int64 // what was asked to be preallocated
	at    State
	// err is the first failure: from then on nothing is known of what stands
	// behind at. errDone once the file is closed.
	err error
}

var errDone = errors.New("the writer is closed")

// Sealed describes a segment that will not change any more.
type Sealed struct {
	State            // where its frames end, and what they hold
	Size  int64      // of the whole segment file in bytes
	Hash  dag.Digest // the seal: BLAKE3 over header, frame heads and footer
}

// Create makes segment id with a durable header and size bytes preallocated.
// An existing one is [fault.Conflict], no space [fault.Full]; after an error
// the file is gone again, if the system still lets it be removed.
func Create(fs FS, id uint64, store StoreID, size int64) (*Writer, error) {
	const op = "create segment"
	if size < Align || size > MaxSegment {
		return nil, fault.New(fault.Invalid, op, Name(id), "%d bytes; at least %d and at most %d are possible", size, Align, MaxSegment)
	}
	f, err := fs.Create(Name(id), up(size))
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(id), err)
	}
	b := Buffer(Align)
	putHeader(b, id, store)
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(id), errors.Join(err, f.Close(), fs.Remove(Name(id))))
	}
	return &Writer{id: id, store: store, file: f, size: up(size), at: State{Length: Align}}, nil
}

// Resume continues an unsealed segment at a state that [Scan] found: what is
// beyond it is cut off durably, and size bytes are preallocated again. A
// header that is not this segment's, or a file shorter than the state, is
// [fault.Corrupt].
func Resume(fs FS, id uint64, store StoreID, at State, size int64) (*Writer, error) {
	const op = "resume segment"
	if at.Length < Align || at.Length > MaxSegment || at.Length%Align != 0 || size > MaxSegment {
		return nil, fault.New(fault.Invalid, op, Name(id), "no segment can go on at %d to %d", at.Length, size)
	}
	f, err := fs.Open(Name(id))
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(id), err)
	}
	w := &Writer{id: id, store: store, file: f, size: up(size), at: at}
	if err = w.cut(); err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(id), errors.Join(err, f.Close()))
	}
	return w, nil
}

// cut drops what is behind the state. It is synced before anything new is
// written there: a frame of a lost batch must not come back behind the next
// one, where it would look like its successor.
func (w *Writer) cut() error {
	if err := readHeader(w.file, make([]byte, Align), w.id, w.store); err != nil {
		return err
	}
	have, err := w.file.Size()
	if err != nil {
		return err
	}
	if have < w.at.Length {
		return fault.New(fault.Corrupt, "resume segment", Name(w.id), "offset %d: the file ends before %d", have, w.at.Length)
	}
	if err = w.file.Truncate(w.at.Length); err != nil {
		return err
	}
	if err = w.file.Sync(); err != nil {
		return err
	}
	p, ok := w.file.(Preallocator)
	if !ok || w.size <= w.at.Length {
		return nil
	}
	return p.Preallocate(w.size)
}

// Segment returns the segment's number.
func (w *Writer) Segment() uint64 { return w.id }

// State returns how far the segment is durably written.
func (w *Writer) State() State { return w.at }

// Room returns how many bytes of frames still fit the preallocated size
// beside a footer for what is there; never negative, and 0 once the segment
// has [MaxSlots] records. Append takes more than that, at the speed of a
// growing file.
func (w *Writer) Room() int64 {
	if w.at.Slots >= MaxSlots {
		return 0
	}
	return max(0, w.size-w.at.Length-footerSize(int(w.at.Slots)))
}

// Append writes all frames of b by one aligned write, stamped with now, and
// syncs: on return they are durable, and the locations are those of b's
// records in order. The records of b are not changed, so that after an error
// it can be appended elsewhere.
//
// A batch that would end beyond [MaxSegment] is [fault.TooLarge] and changes
// nothing; no space is [fault.Full]. After that and any other error the writer
// is broken: what is on disk behind its State is unknown, the sync is never
// tried again, and each further call fails with that first error.
func (w *Writer) Append(b *Batch, now time.Time) ([]Location, error) {
	const op = "append to segment"
	if w.err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(w.id), w.err)
	}
	if w.at.Length+int64(b.Bytes()) > MaxSegment {
		return nil, fault.New(fault.TooLarge, op, Name(w.id), "it would grow over %d bytes", MaxSegment)
	}
	if b.Len() == 0 {
		return nil, nil
	}
	_, err := w.file.WriteAt(b.seal(w.id, w.store, w.at, now), w.at.Length)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.err = err
		return nil, fault.Wrap(fault.Other, op, Name(w.id), err)
	}
	locations := b.locations(w.id, w.at)
	w.at.Length += int64(b.Bytes())
	w.at.Frames += uint32(len(b.frames))
	w.at.Slots += uint32(b.Len())
	return locations, nil
}

// Seal writes the footer, cuts off the unused tail, makes both durable and
// closes the file. It reads the frame heads back, and refuses with
// [fault.Corrupt] where they are not what was appended. After an error the
// segment is an unsealed one with the writer's State, for [Resume].
func (w *Writer) Seal() (Sealed, error) {
	const op = "seal segment"
	if w.err != nil {
		return Sealed{}, fault.Wrap(fault.Other, op, Name(w.id), w.err)
	}
	w.err = errDone
	sealed, err := w.writeFooter()
	if err = errors.Join(err, w.file.Close()); err != nil {
		return Sealed{}, fault.Wrap(fault.Other, op, Name(w.id), err)
	}
	return sealed, nil
}

// writeFooter makes the body durable before the trailer that vouches for it.
func (w *Writer) writeFooter() (Sealed, error) {
	foot, bad, err := buildFooter(w.file, w.id, w.store, w.at)
	if bad != nil {
		err = bad.Err()
	}
	if err != nil {
		return Sealed{}, err
	}
	body, trailer := foot.bytes[:len(foot.bytes)-Align], foot.bytes[len(foot.bytes)-Align:]
	if _, err := w.file.WriteAt(body, w.at.Length); err != nil {
		return Sealed{}, err
	}
	if err := w.file.Truncate(foot.sealed.Size); err != nil {
		return Sealed{}, err
	}
	if err := w.file.Sync(); err != nil {
		return Sealed{}, err
	}
	if _, err := w.file.WriteAt(trailer, foot.sealed.Size-Align); err != nil {
		return Sealed{}, err
	}
	return foot.sealed, w.file.Sync()
}

// Close leaves the segment unsealed, cuts off what is behind its State and
// closes the file. Of a broken writer the cut is tried, so that what was not
// acknowledged does not come back. After Seal it does nothing.
func (w *Writer) Close() error {
	if w.err == errDone {
		return nil
	}
	cut := w.file.Truncate(w.at.Length)
	if w.err != nil {
		cut = nil // the first failure was reported, and Resume cuts again
	}
	w.err = errDone
	return fault.Wrap(fault.Other, "close segment", Name(w.id), errors.Join(cut, w.file.Close()))
}
