package pack

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Damage is a place of a segment file that does not hold what it should.
type Damage struct {
	File   string
	Offset int64
	Length int64 // bytes that are lost to it
	Reason string
}

// Err returns the damage as a [fault.Corrupt] error.
func (d Damage) Err() error {
	return fault.New(fault.Corrupt, "read segment", d.File, "offset %d, %d bytes: %s", d.Offset, d.Length, d.Reason)
}

// Result is how a scan ended.
type Result struct {
	State          // behind the last frame handed out, [Align] where there is none
	Sealed *Sealed // what the footer says; nil where there is none
	// Unborn is true where the header is not whole and no frame follows:
	// making the segment was cut short, it holds nothing and can be removed.
	Unborn bool
	// Damage is empty where the scan ended cleanly: at the end of the file,
	// at zeros, or at the footer. Behind the last durable append of an
	// unsealed segment damage is what a crash leaves, elsewhere it is loss.
	Damage []Damage
}

// Scan walks the frames of a segment that follow the state from (the zero
// State: all) and calls fn for each that is whole, its payload checksums
// included. It ends at the first place that is not such a frame, and says in
// the result whether that is damage. An error is fn's, which stops the scan,
// a failed read, an absent file ([fault.NotFound]), or a header of another
// store ([fault.Corrupt]) or a later version ([fault.Invalid]). It serves
// recovery.
func Scan(fs FS, id uint64, store StoreID, from State, fn func(*Frame) error) (Result, error) {
	s, err := newScanner(fs, id, store)
	if err != nil {
		return Result{}, err
	}
	defer s.file.Close()
	if s.res.Unborn || len(s.res.Damage) > 0 {
		return s.res, nil
	}
	if from.Length > 0 {
		s.res.State = from
	}
	for {
		h, ok, reason, err := s.at(s.res.Length)
		if err != nil || !ok && reason == "" {
			return s.res, err
		}
		var f *Frame
		switch {
		case !ok:
		case !s.inOrder(h):
			reason = outOfOrder
		default:
			if f, err = s.frame(h, s.res.Length); err != nil {
				return s.res, err
			}
			reason = f.defect()
		}
		if reason != "" {
			// What follows may be good, but was never vouched for.
			s.damage(s.res.Length, s.end-s.res.Length, reason)
			return s.res, nil
		}
		if err := fn(f); err != nil {
			return s.res, err
		}
		s.pass(f)
	}
}

const outOfOrder = "a frame out of order"

// scanner reads the frames of one segment file.
type scanner struct {
	id      uint64
	store   StoreID
	file    File
	end     int64 // of what may be frames
	head    []byte
	payload []byte // of the last frame, with its padding
	f       Frame
	res     Result
	lost    bool // header or a frame is missing
}

// openSized opens a segment file and refuses what is too large for one.
func openSized(fs FS, id uint64) (File, int64, error) {
	const op = "open segment"
	f, err := fs.Open(Name(id))
	if err != nil {
		return nil, 0, fault.Wrap(fault.Other, op, Name(id), err)
	}
	size, err := f.Size()
	if err == nil && size > maxFile {
		err = fault.New(fault.Corrupt, op, Name(id), "offset %d: the file goes on to %d", int64(maxFile), size)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, fault.Wrap(fault.Other, op, Name(id), err)
	}
	return f, size, nil
}

// newScanner opens a segment and looks at its two ends.
func newScanner(fs FS, id uint64, store StoreID) (*scanner, error) {
	f, size, err := openSized(fs, id)
	if err != nil {
		return nil, err
	}
	s := &scanner{id: id, store: store, file: f, end: size, head: make([]byte, Align)}
	if err := s.ends(size); err != nil {
		_ = f.Close()
		return nil, fault.Wrap(fault.Other, "scan segment", Name(id), err)
	}
	return s, nil
}

func (s *scanner) ends(size int64) (err error) {
	if s.res.Sealed, err = readTrailer(s.file, size, s.id, s.store); err != nil {
		return err
	}
	if s.res.Sealed != nil {
		s.end = s.res.Sealed.Length
	}
	if _, err = readFull(s.file, s.head, 0); err != nil {
		return err
	}
	s.res.Length = Align
	if signed(s.head, headerMagic) {
		return checkHeader(s.head, s.id, s.store)
	}
	clear(s.head)
	if _, err = readFull(s.file, s.head, Align); err != nil {
		return err
	}
	if s.res.Sealed == nil && zero(s.head) {
		s.res.State = State{}
		s.res.Unborn = true
		return nil
	}
	s.damage(0, Align, "no segment header with a valid checksum")
	s.lost = true
	return nil
}

// at reads the head at off. Without a reason, ok false is the clean end.
func (s *scanner) at(off int64) (h head, ok bool, reason string, err error) {
	if off >= s.end {
		return h, false, "", nil
	}
	clear(s.head)
	if _, err := readFull(s.file, s.head, off); err != nil {
		return h, false, "", fault.Wrap(fault.Unavailable, "read segment", Name(s.id), err)
	}
	if s.res.Sealed == nil && zero(s.head) {
		return h, false, "", nil
	}
	h, reason = parseHead(s.head, s.id, s.store)
	if next := h.after(off).Length; reason == "" && (next > MaxSegment || s.res.Sealed != nil && next > s.end) {
		reason = "a frame that goes on behind the end"
	}
	return h, reason == "", reason, nil
}

// inOrder reports whether the frame follows those handed out.
func (s *scanner) inOrder(h head) bool {
	return h.ordinal == s.res.Frames && h.slot == s.res.Slots
}

// frame reads the payload of the good head at off. The frame is valid until
// the next call; records that fail have their Err set.
func (s *scanner) frame(h head, off int64) (*Frame, error) {
	size := up(h.payload)
	s.payload = slices.Grow(s.payload[:0], size)[:size]
	n, err := readFull(s.file, s.payload, off+Align)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "read segment", Name(s.id), err)
	}
	clear(s.payload[n:]) // a short file: its records fail one by one
	s.list(h, off)
	s.f.payload = s.payload[:h.payload]
	s.f.cut, s.f.padded = n < size, zero(s.payload[h.payload:])
	for i := range s.f.Records {
		r := &s.f.Records[i]
		if checksum(s.f.Payload(i)) != parseEntry(s.head, i).crc {
			r.Err = Damage{Name(s.id), int64(r.Offset), int64(r.Stored), checksumReason(r.Slot, r.Digest)}.Err()
		}
	}
	return &s.f, nil
}

// list makes the frame of the good head at off, without its payload.
func (s *scanner) list(h head, off int64) *Frame {
	s.f = Frame{
		Offset: off, Ordinal: h.ordinal, Time: time.UnixMilli(h.millis),
		Records: s.f.Records[:0], next: h.after(off).Length,
	}
	at := uint32(off) + Align
	for i := range h.count {
		e := parseEntry(s.head, i)
		s.f.Records = append(s.f.Records, Found{KeyID: e.key, Digest: e.digest, Location: Location{
			Segment: s.id, Slot: h.slot + uint32(i), Offset: at, Stored: e.stored, Plain: e.plain,
			Compression: e.compression, Type: e.typ,
		}})
		at += e.stored
	}
	return &s.f
}

func checksumReason(slot uint32, d dag.Digest) string {
	return fmt.Sprintf("record %d (%v) fails its checksum", slot, d)
}

// pass takes the frame into the result's state.
func (s *scanner) pass(f *Frame) {
	s.res.State = State{
		Length: f.next, Frames: f.Ordinal + 1,
		Slots: f.Records[0].Slot + uint32(len(f.Records)),
	}
}

func (s *scanner) damage(off, length int64, reason string) {
	s.res.Damage = append(s.res.Damage, Damage{File: Name(s.id), Offset: off, Length: length, Reason: reason})
}

// zero reports whether b holds zeros only.
func zero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }
