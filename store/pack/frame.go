package pack

import (
	"encoding/binary"

	"github.com/tegwick/artifact-store/dag"
)

// The head of a frame: one block with fixed fields and the table of contents.
const (
	frameMagic = "ArtFram\x01"
	frameFixed = 64 // bytes of fixed fields before the table
	tocEntry   = 48 // bytes of one record in the table
)

// head is the fixed part of a frame's head.
type head struct {
	segment uint64
	store   StoreID
	ordinal uint32
	slot    uint32 // of the first record
	millis  int64  // Unix time
	count   int
	payload int // stored bytes of all records
}

// after returns the state of a segment behind this frame, which begins at off.
func (h head) after(off int64) State {
	return State{Length: off + Align + int64(up(h.payload)), Frames: h.ordinal + 1, Slots: h.slot + uint32(h.count)}
}

// put writes the fixed fields into b, whose table is already there, and signs
// the block.
func (h head) put(b []byte) {
	le := binary.LittleEndian
	copy(b, frameMagic)
	le.PutUint16(b[8:], version)
	le.PutUint16(b[10:], uint16(h.count))
	le.PutUint32(b[12:], uint32(h.payload))
	le.PutUint64(b[16:], h.segment)
	le.PutUint32(b[24:], h.ordinal)
	le.PutUint32(b[28:], h.slot)
	le.PutUint64(b[32:], uint64(h.millis))
	copy(b[40:], h.store[:])
	signBlock(b)
}

// parseHead returns the fixed fields of b, or why b is not a frame's head of
// this segment.
func parseHead(b []byte, id uint64, store StoreID) (h head, reason string) {
	le := binary.LittleEndian
	if !signed(b, frameMagic) {
		return h, "no frame with a valid checksum"
	}
	h = head{
		segment: le.Uint64(b[16:]), store: StoreID(b[40:56]),
		ordinal: le.Uint32(b[24:]), slot: le.Uint32(b[28:]), millis: int64(le.Uint64(b[32:])),
		count: int(le.Uint16(b[10:])), payload: int(le.Uint32(b[12:])),
	}
	switch {
	case le.Uint16(b[8:]) != version:
		return h, "a frame of an unknown version"
	case h.store != store || h.segment != id:
		return h, "a frame of another segment"
	case h.count < 1 || h.count > MaxFrameRecords || h.payload > MaxFramePayload,
		h.ordinal > MaxSegment/Align, h.slot > MaxSegment/tocEntry:
		return h, "a frame over the limits"
	}
	sum := 0
	for i := range h.count {
		stored := parseEntry(b, i).stored
		if stored > MaxStored {
			return h, "a record over the limits"
		}
		sum += int(stored)
	}
	if sum != h.payload {
		return h, "a frame whose records do not add up"
	}
	return h, ""
}

// entry is one record in a frame's table.
type entry struct {
	typ         RecordType
	compression Compression
	key         uint16
	plain       uint32
	stored      uint32
	crc         uint32 // CRC32C of the stored bytes
	digest      dag.Digest
}

// putEntry writes e as the i-th record of the head b.
func putEntry(b []byte, i int, e entry) {
	le := binary.LittleEndian
	t := b[frameFixed+i*tocEntry:][:tocEntry]
	t[0], t[1] = byte(e.typ), byte(e.compression)
	le.PutUint16(t[2:], e.key)
	le.PutUint32(t[4:], e.plain)
	le.PutUint32(t[8:], e.stored)
	le.PutUint32(t[12:], e.crc)
	copy(t[16:], e.digest[:])
}

// parseEntry reads the i-th record of the head b.
func parseEntry(b []byte, i int) entry {
	le := binary.LittleEndian
	t := b[frameFixed+i*tocEntry:][:tocEntry]
	return entry{
		typ: RecordType(t[0]), compression: Compression(t[1]), key: le.Uint16(t[2:]),
		plain: le.Uint32(t[4:]), stored: le.Uint32(t[8:]), crc: le.Uint32(t[12:]),
		digest: dag.Digest(t[16:48]),
	}
}
