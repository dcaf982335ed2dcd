package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// recovery brings the index into agreement with the packs. It does the same
// for a crash, which leaves some records unknown to the index, and for an
// index that is built anew, which knows none.
type recovery struct {
	s       *Store
	rows    map[uint64]segmentRow // as the index has them
	found   map[uint64]segmentRow // what they come to; committed last, so that a crash starts over
	records []record              // found in what was not indexed
	puts    []Pair                // places of blocks that wait to be committed
}

func (s *Store) recover(ctx context.Context) error {
	const op = "open store"
	names, err := s.opt.Packs.List()
	if err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	if err := s.claim(ctx, len(names) > 0); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	r := &recovery{s: s, rows: make(map[uint64]segmentRow), found: make(map[uint64]segmentRow)}
	if err := r.readRows(ctx); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	missing := maps.Clone(r.rows)
	for _, name := range names {
		id, ok := pack.ParseName(name)
		if !ok {
			s.opt.Log.Warn("a file among the packs is not one of them", "file", name)
			continue
		}
		delete(missing, id)
		if err := r.segment(ctx, id); err != nil {
			return fault.Wrap(fault.Other, op, name, err)
		}
	}
	if err := r.flush(ctx); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	r.lose(missing)
	if err := r.forgetDropped(ctx); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	if err := r.replay(ctx); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	return fault.Wrap(fault.Other, op, "", r.commitRows(ctx))
}

// lose notes which files are missing that nobody dropped. Their rows stay
// known, so that reads say what is lost; what was in them is taken in again
// from whoever has it.
func (r *recovery) lose(missing map[uint64]segmentRow) {
	for id, row := range missing {
		if row.State != segmentDropped {
			r.s.opt.Log.Error("a segment is missing", "segment", pack.Name(id))
			r.s.segments.lose(id)
		}
	}
}

func (r *recovery) commitRows(ctx context.Context) error {
	for id, row := range r.found {
		if err := r.s.meta.Commit(ctx, Batch{Put: []Pair{{segmentKey(id), row.encode()}}}); err != nil {
			return err
		}
		r.s.segments.set(id, row)
	}
	return nil
}

// claim sees to it that the index belongs to this store, and marks a new one.
func (s *Store) claim(ctx context.Context, packs bool) error {
	id, err := s.getOne(ctx, keyStore)
	if err != nil {
		return err
	}
	switch {
	case id == nil && packs && !s.opt.Rebuild:
		return fault.Hint(fault.New(fault.Corrupt, "read index", "", "the index is empty, and the packs are not"),
			"build it anew: artifact fsck --rebuild-index")
	case id == nil:
		return s.meta.Commit(ctx, Batch{Put: []Pair{{keyStore, s.opt.ID[:]}}})
	case !bytes.Equal(id, s.opt.ID[:]):
		return fault.Hint(fault.New(fault.Corrupt, "read index", "", "it is the index of store %x, not of %x", id, s.opt.ID),
			"build it anew: artifact fsck --rebuild-index")
	}
	return nil
}

func (r *recovery) readRows(ctx context.Context) error {
	top, err := r.s.getOne(ctx, keyTop)
	if err != nil {
		return err
	}
	if len(top) == 8 {
		r.s.segments.skip(binary.BigEndian.Uint64(top))
	}
	return r.s.meta.Iterate(ctx, []byte(prefixSegment), nil, func(k, v []byte) error {
		id, err := segmentKeyID(k)
		if err != nil {
			return err
		}
		row, err := decodeSegmentRow(v)
		if err != nil {
			return err
		}
		r.rows[id] = row
		r.s.segments.set(id, row)
		return nil
	})
}

// segment indexes what a segment holds beyond its row. A segment that no longer
// has what its row covers ends there: what was known of it stays known.
func (r *recovery) segment(ctx context.Context, id uint64) error {
	row, known := r.rows[id]
	if known && row.State != segmentOpen {
		return nil
	}
	found, after, err := r.scan(ctx, id, row)
	if err != nil {
		return err
	}
	if found.Unborn && !known {
		return r.unborn(ctx, id, found)
	}
	if known && after.At.Length < row.At.Length {
		r.s.opt.Log.Error("a segment has lost what was in it", "segment", pack.Name(id))
		after = row
		after.State = segmentClosed
	}
	r.found[id] = after
	return nil
}

// scan indexes the frames beyond row and returns the row that they make. The
// frames of an unsealed segment end at the first bad one, since a crash tears
// what was being written, and nothing of it was acknowledged. Where the damage
// is in what was durable whatever is whole is taken, and the rest is for fsck
// to name.
func (r *recovery) scan(ctx context.Context, id uint64, row segmentRow) (pack.Result, segmentRow, error) {
	fs, store := r.s.opt.Packs, r.s.opt.ID
	frame := func(f *pack.Frame) error { return r.frame(ctx, f, &row) }
	fresh := row.At == pack.State{}
	found, err := pack.Scan(fs, id, store, row.At, frame)
	if err != nil {
		return found, row, err
	}
	row.State = segmentOpen
	if len(found.Damage) > 0 {
		r.s.opt.Log.Info("a segment ends in what a crash left half written, or is damaged", "segment", pack.Name(id), "offset", found.Damage[0].Offset)
		decayed := found.Sealed != nil
		if !decayed && fresh && r.s.opt.Rebuild {
			if decayed, err = r.decayed(id, found.Length); err != nil {
				return found, row, err
			}
		}
		if decayed {
			row = segmentRow{State: segmentClosed}
			if found, err = pack.Check(fs, id, store, frame); err != nil {
				return found, row, err
			}
		}
		if len(found.Damage) > 0 && found.Damage[0].Offset == 0 {
			row.State = segmentClosed
		}
	}
	row.At = found.State
	if found.Sealed != nil {
		row.State, row.At = segmentSealed, found.Sealed.State
	}
	return found, row, nil
}

// decayed tells damage at an offset of an unsealed segment that came later from
// what a crash leaves: each batch is durable before the next one is written, so
// that behind a torn one only frames of the same batch can be whole, which bear
// the same time. Where it cannot tell, it was decay.
func (r *recovery) decayed(id uint64, offset int64) (yes bool, err error) {
	var torn time.Time // zero where the damaged frame does not say
	_, err = pack.Check(r.s.opt.Packs, id, r.s.opt.ID, func(f *pack.Frame) error {
		whole := !slices.ContainsFunc(f.Records, func(r pack.Found) bool { return r.Err != nil })
		switch {
		case f.Offset == offset:
			torn = f.Time
		case f.Offset > offset && whole && f.Time.After(torn):
			yes = true
		}
		return nil
	})
	return yes, err
}

// frame indexes the records of one frame.
func (r *recovery) frame(ctx context.Context, f *pack.Frame, row *segmentRow) error {
	for i, rec := range f.Records {
		if rec.Type != pack.Event {
			row.Bytes += int64(rec.Stored) // of a damaged block too: it is dead, and goes with compaction
		}
		if rec.Err != nil {
			continue
		}
		if rec.Type != pack.Event {
			r.puts = append(r.puts, Pair{blockKey(domainPublic, rec.Digest), encodeLocation(rec.Location)})
			continue
		}
		c, err := decodeRecord(f.Payload(i))
		if err != nil {
			return err
		}
		r.records = append(r.records, c)
	}
	if len(r.puts) < MaxBatchOps/2 {
		return nil
	}
	return r.flush(ctx)
}

// flush commits the places that wait.
func (r *recovery) flush(ctx context.Context) error {
	if len(r.puts) == 0 {
		return nil
	}
	err := r.s.meta.Commit(ctx, Batch{Put: r.puts})
	r.puts = r.puts[:0]
	return err
}

// unborn removes the file of a segment whose making was cut short. Where it is
// not certain that this is all, the file stays, and its number is not used.
func (r *recovery) unborn(ctx context.Context, id uint64, found pack.Result) error {
	leave, err := mayUnlinkUnborn(r.s.opt.Packs, id, found)
	if fault.Is(err, fault.Denied) {
		r.s.opt.Log.Error("a segment cannot be read", "segment", pack.Name(id), "error", err)
		r.found[id] = segmentRow{State: segmentClosed, At: pack.State{Length: pack.Align}}
		return nil
	}
	if err != nil {
		return err
	}
	return r.s.dropSegment(ctx, leave, id)
}

// forgetDropped finishes what a crash interrupted after a segment's blocks had
// moved.
func (r *recovery) forgetDropped(ctx context.Context) error {
	for id := range r.rows {
		if err := r.s.finishDrop(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
