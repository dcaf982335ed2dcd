package pack

import (
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Contents walks the frames of a whole segment as [Scan] does, but reads their
// heads only: the records' places and digests, not their payloads. The first
// place that is not a frame in order ends it as [fault.Corrupt]. It serves
// whoever has to know what a segment holds without reading all of it.
func Contents(fs FS, id uint64, store StoreID, fn func(*Frame) error) error {
	s, err := newScanner(fs, id, store)
	if err != nil {
		return err
	}
	defer s.file.Close()
	if len(s.res.Damage) > 0 {
		return s.res.Damage[0].Err()
	}
	for !s.res.Unborn && s.res.Length < s.end {
		clear(s.head)
		if _, err := readFull(s.file, s.head, s.res.Length); err != nil {
			return fault.Wrap(fault.Unavailable, "read segment", Name(id), err)
		}
		if s.res.Sealed == nil && zero(s.head) {
			return nil
		}
		h, reason := parseHead(s.head, id, store)
		if reason == "" && (h.ordinal != s.res.Frames || h.slot != s.res.Slots) {
			reason = "a frame out of order"
		}
		if reason != "" {
			return Damage{Name(id), s.res.Length, Align, reason}.Err()
		}
		s.list(h)
		if err := fn(&s.f); err != nil {
			return err
		}
		s.pass(&s.f)
	}
	return nil
}

// list makes a frame without payload of a good head.
func (s *scanner) list(h head) {
	s.f = Frame{
		Offset: s.res.Length, Ordinal: h.ordinal, Time: time.UnixMilli(h.millis),
		Records: s.f.Records[:0], next: h.after(s.res.Length).Length,
	}
	s.records(h, s.res.Length)
}
