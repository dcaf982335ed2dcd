package store

import (
	"encoding/binary"
	"fmt"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// encodeLocation is the value of a block's key.
func encodeLocation(l pack.Location) []byte {
	b := make([]byte, 0, 24)
	b = append(b, byte(l.Type), byte(l.Compression))
	b = binary.AppendUvarint(b, l.Segment)
	for _, n := range [...]uint32{l.Slot, l.Offset, l.Stored, l.Plain} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

func decodeLocation(b []byte) (pack.Location, error) {
	bad := func() (pack.Location, error) {
		return pack.Location{}, fault.New(fault.Corrupt, "read index", "", "a block location that cannot be read")
	}
	if len(b) < 2 {
		return bad()
	}
	l := pack.Location{Type: pack.RecordType(b[0]), Compression: pack.Compression(b[1])}
	b = b[2:]
	var n [5]uint64
	for i := range n {
		v, w := binary.Uvarint(b)
		if w <= 0 || i > 0 && v > 1<<32-1 {
			return bad()
		}
		n[i], b = v, b[w:]
	}
	if len(b) != 0 || n[4] > dag.MaxRaw {
		return bad()
	}
	l.Segment = n[0]
	l.Slot, l.Offset, l.Stored, l.Plain = uint32(n[1]), uint32(n[2]), uint32(n[3]), uint32(n[4])
	return l, nil
}

// segmentState says what may still happen to a segment.
type segmentState byte

const (
	segmentOpen    segmentState = 1 // may be appended to; bytes beyond the row may be records
	segmentClosed  segmentState = 2 // ended without a footer, after a failed write; ends where the row says
	segmentSealed  segmentState = 3 // ended with a footer
	segmentDropped segmentState = 4 // its file is to be removed
)

// segmentRow is what the metadata knows of a segment. Everything below At is
// indexed.
type segmentRow struct {
	State segmentState
	At    pack.State
	Bytes int64 // stored bytes of the blocks in it, live or not
}

func (r segmentRow) encode() []byte {
	b := []byte{byte(r.State)}
	for _, n := range [...]uint64{uint64(r.At.Length), uint64(r.At.Frames), uint64(r.At.Slots), uint64(r.Bytes)} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func decodeSegmentRow(b []byte) (segmentRow, error) {
	bad := fault.New(fault.Corrupt, "read index", "", "a segment state that cannot be read")
	if len(b) == 0 || b[0] < byte(segmentOpen) || b[0] > byte(segmentDropped) {
		return segmentRow{}, bad
	}
	var n [4]uint64
	rest := b[1:]
	for i := range n {
		v, w := binary.Uvarint(rest)
		if w <= 0 || v > 1<<40 {
			return segmentRow{}, bad
		}
		n[i], rest = v, rest[w:]
	}
	if len(rest) != 0 || n[1] > 1<<32-1 || n[2] > 1<<32-1 {
		return segmentRow{}, bad
	}
	return segmentRow{
		State: segmentState(b[0]),
		At:    pack.State{Length: int64(n[0]), Frames: uint32(n[1]), Slots: uint32(n[2])},
		Bytes: int64(n[3]),
	}, nil
}

// place names a location in messages.
func place(l pack.Location) string {
	return fmt.Sprintf("%s offset %d", pack.Name(l.Segment), l.Offset)
}
