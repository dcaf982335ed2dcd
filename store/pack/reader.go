package pack

import (
	"errors"
	"slices"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Reader reads records of one segment, which may still be appended to. It may
// be used concurrently.
type Reader struct {
	id   uint64
	file File
}

// OpenReader opens a segment and checks its header. An absent one is
// [fault.NotFound], one whose header is not right [fault.Corrupt], and one of
// a later version [fault.Invalid].
func OpenReader(fs FS, id uint64, store StoreID) (*Reader, error) {
	const op = "open segment"
	f, err := fs.Open(Name(id))
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(id), err)
	}
	if err := readHeader(f, make([]byte, Align), id, store); err != nil {
		return nil, fault.Wrap(fault.Other, op, Name(id), errors.Join(err, f.Close()))
	}
	return &Reader{id: id, file: f}, nil
}

// ReadAt returns the stored bytes at loc, in buf's memory where that is large
// enough. They are not checked against a checksum: the caller decodes them
// and checks the digest. A place that the file does not have is
// [fault.Corrupt] and names the file and offset.
func (r *Reader) ReadAt(loc Location, buf []byte) ([]byte, error) {
	const op = "read segment"
	name := Name(loc.Segment)
	if loc.Segment != r.id || loc.Stored > MaxStored || loc.Offset < 2*Align {
		return nil, fault.New(fault.Corrupt, op, name, "offset %d: no record of %d bytes can stand there", loc.Offset, loc.Stored)
	}
	buf = slices.Grow(buf[:0], int(loc.Stored))[:loc.Stored]
	n, err := readFull(r.file, buf, int64(loc.Offset))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, name, err)
	}
	if n < len(buf) {
		return nil, fault.New(fault.Corrupt, op, name, "offset %d: the file ends after %d of %d bytes", loc.Offset, n, len(buf))
	}
	return buf, nil
}

// Close releases the file. No ReadAt may be running.
func (r *Reader) Close() error { return r.file.Close() }
