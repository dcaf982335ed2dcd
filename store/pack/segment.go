package pack

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// StoreID tells the segments of one store from those of all others.
type StoreID [16]byte

// RecordType says what a record's plain bytes are. A value unknown here is
// kept and handed on as it is.
type RecordType uint8

// The record types of version 1.
const (
	Chunk RecordType = 1 // a raw block
	Node  RecordType = 2 // a dag-cbor block
	Event RecordType = 3 // an event of a log, as the store encodes it
)

// Record is what a [Batch] takes.
type Record struct {
	Type        RecordType
	Compression Compression
	KeyID       uint16     // 0 where the stored bytes are not encrypted
	Plain       uint32     // length before compression, in bytes
	Digest      dag.Digest // of the plain bytes
	Payload     []byte     // the stored bytes, at most [MaxStored]
}

// Location is where a record's stored bytes stand.
type Location struct {
	Segment     uint64
	Slot        uint32 // ordinal of the record within its segment
	Offset      uint32 // of the first stored byte within the segment file
	Stored      uint32 // stored length in bytes
	Plain       uint32 // length after decompression, in bytes
	Compression Compression
	Type        RecordType
}

// State is how far a segment is written: the place where its next frame goes.
// The zero State is that of a segment without frames.
type State struct {
	Length int64  // end of the last frame: a file offset
	Frames uint32 // frames before it
	Slots  uint32 // records before it
}

// Found is a record as a scan meets it.
type Found struct {
	Location
	KeyID  uint16
	Digest dag.Digest // as the frame says; the plain bytes are not hashed here
	// Err is not nil where the stored bytes fail their checksum: only
	// [Check] hands out such records.
	Err error
}

// Frame is one frame of a segment, as a scan hands it out. It is valid during
// the call only.
type Frame struct {
	Offset  int64 // of the frame within the segment file
	Ordinal uint32
	Time    time.Time // when it was appended, to the millisecond
	Records []Found
	next    int64  // offset of the byte after the frame
	payload []byte // of all records
	cut     bool   // the file ends within the frame
	padded  bool   // the padding is of zeros, as it should
}

// defect returns what is wrong with the frame, or "".
func (f *Frame) defect() string {
	for _, r := range f.Records {
		if r.Err != nil {
			return fmt.Sprintf("a frame whose record %d fails its checksum", r.Slot)
		}
	}
	if f.cut {
		return "a frame that the file ends within"
	}
	return ""
}

// Payload returns the stored bytes of the i-th record of the frame; nil in
// [Contents], which does not read them.
func (f *Frame) Payload(i int) []byte {
	if f.payload == nil {
		return nil
	}
	at := int64(f.Records[i].Offset) - f.Offset - Align
	return f.payload[at : at+int64(f.Records[i].Stored)]
}

const nameSuffix = ".pack"

// Name returns the file name of a segment: 16 hex digits and ".pack".
func Name(id uint64) string { return fmt.Sprintf("%016x%s", id, nameSuffix) }

// ParseName is the inverse of [Name]; ok is false for any other name.
func ParseName(name string) (id uint64, ok bool) {
	id, err := strconv.ParseUint(strings.TrimSuffix(name, nameSuffix), 16, 64)
	return id, err == nil && Name(id) == name
}

// The header block: the first of a segment file. All integers of the format
// are little-endian.
const (
	version     = 1
	headCRC     = Align - 4 // where each block keeps the CRC32C of what is before
	headerMagic = "ArtPack\x01"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// signBlock ends a block by its checksum.
func signBlock(b []byte) {
	binary.LittleEndian.PutUint32(b[headCRC:], checksum(b[:headCRC]))
}

// signed reports whether a block has its checksum and begins with magic.
func signed(b []byte, magic string) bool {
	return string(b[:len(magic)]) == magic &&
		binary.LittleEndian.Uint32(b[headCRC:]) == checksum(b[:headCRC])
}

func putHeader(b []byte, id uint64, store StoreID) {
	clear(b)
	copy(b, headerMagic)
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint64(b[16:], id)
	copy(b[24:], store[:])
	signBlock(b)
}

// checkHeader returns why b is not the header of the segment.
func checkHeader(b []byte, id uint64, store StoreID) error {
	const op = "read segment"
	switch {
	case !signed(b, headerMagic):
		return fault.New(fault.Corrupt, op, Name(id), "offset 0: no segment header with a valid checksum")
	case binary.LittleEndian.Uint32(b[8:]) != version:
		return fault.Hint(fault.New(fault.Invalid, op, Name(id), "format version %d, this program knows %d",
			binary.LittleEndian.Uint32(b[8:]), version), "use a newer artifact-store")
	case StoreID(b[24:40]) != store:
		return fault.New(fault.Corrupt, op, Name(id), "offset 0: the segment is of store %x, not of %x", b[24:40], store)
	case binary.LittleEndian.Uint64(b[16:]) != id:
		return fault.New(fault.Corrupt, op, Name(id), "offset 0: the segment is number %x", binary.LittleEndian.Uint64(b[16:]))
	}
	return nil
}

// readHeader reads the header block into b and checks it.
func readHeader(r io.ReaderAt, b []byte, id uint64, store StoreID) error {
	clear(b)
	if _, err := readFull(r, b, 0); err != nil {
		return fault.Wrap(fault.Unavailable, "read segment", Name(id), err)
	}
	return checkHeader(b, id, store)
}

// readFull fills b from off as far as the file goes; n < len(b) without an
// error means that the file ends there.
func readFull(r io.ReaderAt, b []byte, off int64) (n int, err error) {
	n, err = r.ReadAt(b, off)
	if err == io.EOF || n == len(b) {
		err = nil
	}
	return n, err
}
