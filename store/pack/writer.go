package pack

import (
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
	err   error // the first failure: from then on nothing is known of the file's end
}

// Sealed describes a segment that will not change any more.
type Sealed struct {
	State
	Size int64      // of the whole segment file in bytes
	Hash dag.Digest // BLAKE3 over header, frame heads and footer
}

// Create makes segment id with a durable header and size bytes preallocated.
// An existing one is [fault.Conflict], no space [fault.Full].
func Create(fs FS, id uint64, store StoreID, size int64) (*Writer, error) {
	return nil, fault.New(fault.Unavailable, "create segment", Name(id), "not written yet")
}

// Resume continues an unsealed segment at a state that [Scan] found: what is
// beyond it is cut off durably, and size bytes are preallocated again. A
// header that is not this segment's is [fault.Corrupt].
func Resume(fs FS, id uint64, store StoreID, at State, size int64) (*Writer, error) {
	return nil, fault.New(fault.Unavailable, "resume segment", Name(id), "not written yet")
}

// Segment returns the segment's number.
func (w *Writer) Segment() uint64 { return w.id }

// State returns how far the segment is durably written.
func (w *Writer) State() State { return w.at }

// Room returns how many bytes of frames still fit the preallocated size
// beside the footer; never negative. Append takes more than that, at the
// speed of a growing file.
func (w *Writer) Room() int64 { return 0 }

// Append writes all frames of b by one aligned write, stamped with now, and
// syncs: on return they are durable, and the locations are those of b's
// records in order. b is not changed, so that after an error it can be
// appended elsewhere.
//
// No space is [fault.Full]; a batch that would end beyond [MaxSegment] is
// [fault.TooLarge] and changes nothing. After any other error the writer is
// broken: what is on disk is unknown, the sync is never tried again, and each
// further call fails with that first error.
func (w *Writer) Append(b *Batch, now time.Time) ([]Location, error) {
	return nil, fault.New(fault.Unavailable, "append to segment", Name(w.id), "not written yet")
}

// Seal writes the footer, cuts off the unused tail, makes both durable and
// closes the file. After an error the segment is as good as an unsealed one
// up to its State.
func (w *Writer) Seal() (Sealed, error) {
	return Sealed{}, fault.New(fault.Unavailable, "seal segment", Name(w.id), "not written yet")
}

// Close leaves the segment unsealed, cuts off the preallocated tail and closes
// the file. After Seal it does nothing.
func (w *Writer) Close() error { return nil }
