package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"

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
	changes []change              // found in what was not indexed
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
	for _, name := range names {
		id, ok := pack.ParseName(name)
		if !ok {
			s.opt.Log.Warn("a file among the packs is not one of them", "file", name)
			continue
		}
		if err := r.segment(ctx, id); err != nil {
			return fault.Wrap(fault.Other, op, name, err)
		}
	}
	if err := r.forgetDropped(ctx); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	if err := r.replay(ctx); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	return fault.Wrap(fault.Other, op, "", r.commitRows(ctx))
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

// segment indexes what a segment holds beyond its row.
func (r *recovery) segment(ctx context.Context, id uint64) error {
	row, known := r.rows[id]
	if known && row.State != segmentOpen {
		return nil
	}
	found, row, err := r.scan(ctx, id, row)
	if err != nil {
		return err
	}
	if found.Unborn {
		return r.unborn(ctx, id, found, known)
	}
	row.State = segmentOpen
	if found.Sealed != nil {
		row.State = segmentSealed
	} else if len(found.Damage) > 0 {
		// A crash tore what was being written: nothing of it was acknowledged.
		r.s.opt.Log.Info("cut off what a crash left half written", "segment", pack.Name(id), "offset", found.Damage[0].Offset)
	}
	r.found[id] = row
	return nil
}

// scan indexes the frames beyond row and returns the row that they make. The
// frames of an unsealed segment end at the first bad one. In a sealed segment
// whatever is whole is taken, and the rest is for fsck to name.
func (r *recovery) scan(ctx context.Context, id uint64, row segmentRow) (pack.Result, segmentRow, error) {
	fs, store := r.s.opt.Packs, r.s.opt.ID
	frame := func(f *pack.Frame) error { return r.frame(ctx, f, &row) }
	found, err := pack.Scan(fs, id, store, row.At, frame)
	if err != nil {
		return found, row, err
	}
	if found.Sealed != nil && len(found.Damage) > 0 {
		row = segmentRow{}
		found, err = pack.Check(fs, id, store, frame)
	}
	row.At = found.State
	if found.Sealed != nil {
		row.At = found.Sealed.State
	}
	return found, row, err
}

// frame indexes the records of one frame.
func (r *recovery) frame(ctx context.Context, f *pack.Frame, row *segmentRow) error {
	var b Batch
	for i, rec := range f.Records {
		if rec.Err != nil {
			continue
		}
		if rec.Type != pack.Reference {
			row.Bytes += int64(rec.Stored)
			b.Put = append(b.Put, Pair{blockKey(domainPublic, rec.Digest), encodeLocation(rec.Location)})
			continue
		}
		c, err := decodeChange(f.Payload(i))
		if err != nil {
			return err
		}
		r.changes = append(r.changes, c)
	}
	if len(b.Put) == 0 {
		return nil
	}
	return r.s.meta.Commit(ctx, b)
}

// unborn removes the file of a segment whose making was cut short.
func (r *recovery) unborn(ctx context.Context, id uint64, found pack.Result, known bool) error {
	leave, err := mayUnlinkUnborn(id, found, known)
	if err != nil {
		return err
	}
	return r.s.dropSegment(ctx, leave, id)
}

// forgetDropped finishes what a crash interrupted after a segment's blocks had
// moved, and drops the rows of files that are gone since. A missing file that
// nobody dropped stays known, so that reads say what is lost.
func (r *recovery) forgetDropped(ctx context.Context) error {
	for id, row := range r.rows {
		if row.State != segmentDropped {
			continue
		}
		leave, err := mayFinishUnlink(id, row)
		if err != nil {
			return err
		}
		if err := r.s.dropSegment(ctx, leave, id); err != nil {
			return err
		}
	}
	return nil
}

// replay applies the changes that were found, in their order. Those that the
// views have already, and second copies, change nothing.
func (r *recovery) replay(ctx context.Context) error {
	slices.SortFunc(r.changes, func(a, b change) int { return cmp.Compare(a.Sequence, b.Sequence) })
	v, err := newView(ctx, r.s.meta)
	if err != nil {
		return err
	}
	for _, c := range r.changes {
		if c.Sequence < v.nextSeq {
			continue
		}
		if c.Sequence > v.nextSeq {
			r.s.opt.Log.Error("reference changes are missing from the packs", "from", v.nextSeq, "before", c.Sequence)
			v.nextSeq = c.Sequence
		}
		if err := apply(ctx, v, c); fault.Is(err, fault.NotFound) {
			// It changes what a lost one had made.
			r.s.opt.Log.Error("a reference change cannot be applied", "sequence", c.Sequence, "error", err)
			v.nextSeq++
			continue
		} else if err != nil {
			return err
		}
		if err := r.s.meta.Commit(ctx, v.take()); err != nil {
			return err
		}
		v.rows = make(map[string][]byte)
	}
	return nil
}
