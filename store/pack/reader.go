package pack

import "github.com/tegwick/artifact-store/dag/fault"

// Reader reads records of one segment, which may still be appended to. It may
// be used concurrently.
type Reader struct {
	id   uint64
	file File
}

// OpenReader opens a segment and checks its header. An absent one is
// [fault.NotFound], one whose header is not right [fault.Corrupt].
func OpenReader(fs FS, id uint64, store StoreID) (*Reader, error) {
	return nil, fault.New(fault.Unavailable, "open segment", Name(id), "not written yet")
}

// ReadAt returns the stored bytes at loc, in buf's memory where that is large
// enough. They are not checked against a checksum: the caller decodes them
// and checks the digest. A place that the file does not have is
// [fault.Corrupt] and names the file and offset.
func (r *Reader) ReadAt(loc Location, buf []byte) ([]byte, error) {
	return nil, fault.New(fault.Unavailable, "read segment", Name(r.id), "not written yet")
}

// Close releases the file. No ReadAt may be running.
func (r *Reader) Close() error { return r.file.Close() }
