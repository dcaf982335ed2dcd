package pack

import (
	"io"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Check walks a whole segment as [Scan] does, but goes on behind damage to
// the next frame, and hands out records that fail their checksum with
// Found.Err set. Where all frame heads are good it verifies the footer of a
// sealed segment against them (see [VerifySealed]). Each damage is in the
// result. It serves fsck and the rebuilding of an index.
func Check(fs FS, id uint64, store StoreID, fn func(*Frame) error) (Result, error) {
	s, err := newScanner(fs, id, store)
	if err != nil {
		return Result{}, err
	}
	defer s.file.Close()
	if s.res.Unborn {
		return s.res, nil
	}
	if err := s.walk(fn); err != nil {
		return s.res, err
	}
	if s.res.Sealed == nil || s.lost {
		return s.res, nil
	}
	bad, err := verifyFooter(s.file, s.id, s.store, *s.res.Sealed)
	if bad != nil {
		s.res.Damage = append(s.res.Damage, *bad)
	}
	return s.res, err
}

// walk hands out every frame that there is.
func (s *scanner) walk(fn func(*Frame) error) error {
	var gap gap
	for off := s.res.Length; ; {
		h, ok, reason, err := s.at(off)
		if err != nil {
			return err
		}
		if off >= s.end {
			s.closeGap(gap, s.end, true)
			return nil
		}
		// Behind a gap frames are missing, never out of order: those within
		// the payload of a lost frame are older than it.
		later := gap.open && h.ordinal >= s.res.Frames && h.slot >= s.res.Slots
		if !ok || !s.inOrder(h) && !later {
			gap.extend(off, reason, !zero(s.head))
			off += Align
			continue
		}
		f, err := s.frame(h, off)
		if err != nil {
			return err
		}
		s.closeGap(gap, off, false)
		gap.open = false
		s.report(f)
		if err := fn(f); err != nil {
			return err
		}
		s.pass(f)
		off = f.next
	}
}

// report adds what is wrong within a frame to the damage.
func (s *scanner) report(f *Frame) {
	for _, r := range f.Records {
		if r.Err != nil {
			s.damage(int64(r.Offset), int64(r.Stored), checksumReason(r.Slot, r.Digest))
		}
	}
	end := f.Offset + Align + int64(len(f.payload))
	if !f.padded {
		s.damage(end, f.next-end, "the padding of a frame is not of zeros")
	}
	if f.cut {
		s.damage(s.end, f.next-s.end, "the file ends within a frame")
	}
}

// gap is a run of blocks that are no frame.
type gap struct {
	open   bool
	start  int64
	filled int64 // end of the last block that is not zero
	reason string
}

func (g *gap) extend(off int64, reason string, filled bool) {
	if !g.open {
		if reason == "" {
			reason = "no frame where the next one should be"
		}
		*g = gap{open: true, start: off, filled: off, reason: reason}
	}
	if filled {
		g.filled = off + Align
	}
}

// closeGap reports a gap that ends at off. Zeros at the end of an unsealed
// segment are what is preallocated.
func (s *scanner) closeGap(g gap, off int64, last bool) {
	if !g.open {
		return
	}
	if last && s.res.Sealed == nil {
		off = min(g.filled, off)
	}
	if off > g.start {
		s.damage(g.start, off-g.start, g.reason)
		s.lost = true
	}
}

// VerifySealed checks header, frame heads, footer and seal hash of a sealed
// segment against each other, without reading payloads. What does not agree,
// or is not sealed, is [fault.Corrupt] and names the file and offset.
func VerifySealed(fs FS, id uint64, store StoreID) (Sealed, error) {
	const op = "verify segment"
	f, size, err := openSized(fs, id)
	if err != nil {
		return Sealed{}, err
	}
	defer f.Close()
	sealed, err := readTrailer(f, size, id, store)
	if err != nil {
		return Sealed{}, fault.Wrap(fault.Unavailable, op, Name(id), err)
	}
	if sealed == nil {
		return Sealed{}, fault.New(fault.Corrupt, op, Name(id), "offset %d: no trailer of a sealed segment", max(0, size-Align))
	}
	bad, err := verifyFooter(f, id, store, *sealed)
	if bad != nil {
		err = bad.Err()
	}
	if err != nil {
		return Sealed{}, fault.Wrap(fault.Other, op, Name(id), err)
	}
	return *sealed, nil
}

// verifyFooter makes the footer again from the frames and compares the two.
func verifyFooter(r io.ReaderAt, id uint64, store StoreID, sealed Sealed) (*Damage, error) {
	want, bad, err := buildFooter(r, id, store, sealed.State)
	if bad != nil || err != nil {
		return bad, err
	}
	got := make([]byte, 1<<20)
	for done := 0; done < len(want.bytes); {
		part := got[:min(len(got), len(want.bytes)-done)]
		at := sealed.Length + int64(done)
		if _, err := readFull(r, part, at); err != nil {
			return nil, fault.Wrap(fault.Unavailable, "read segment", Name(id), err)
		}
		for i := range part {
			if part[i] != want.bytes[done+i] {
				return &Damage{Name(id), at + int64(i), sealed.Size - at - int64(i), "the footer does not agree with the frames"}, nil
			}
		}
		done += len(part)
	}
	return nil, nil
}
