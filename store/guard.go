package store

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// permit is the guard's leave to destroy one thing. Everything that destroys
// takes one and checks that it is for what it is about to do, and only this
// file makes them (a test sees to that), so that nothing is destroyed unasked.
//
// The guard knows references and leases. What it cannot read or does not know
// it takes for a reason to deny.
type permit struct {
	act     act
	segment uint64
	slots   bitmap // with actForget
}

// act is what a permit allows.
type act uint8

const (
	actForget act = iota + 1 // take blocks out of the index
	actUnlink                // remove a segment's file
)

// allows is what whoever destroys asks of the permit it was given.
func (p permit) allows(a act, segment uint64) error {
	if p.act != a || p.segment != segment {
		return fault.New(fault.Denied, "destroy", pack.Name(segment), "the guard has not allowed it")
	}
	return nil
}

// mayRemove is asked before a reference goes: a tag, or with manifest an
// artifact. It is answered in the sequence of events, against the state that
// the removal meets.
func (s *Store) mayRemove(repository string, manifest *dag.CID) func(context.Context, *view) error {
	return func(ctx context.Context, v *view) error {
		if manifest == nil {
			return nil
		}
		row, err := v.get(ctx, artifactKey(repository, manifest.Digest))
		if err != nil || row == nil {
			return err // absence is for the event itself to report
		}
		var a artifactRow
		if err := decodeRow(row, &a); err != nil {
			return fault.Wrap(fault.Denied, "guard", repository, err)
		}
		tags, err := v.tagsOf(ctx, repository, manifest.Digest)
		if err == nil && len(tags) > maxEventTags {
			err = fault.New(fault.TooLarge, "guard", repository, "%d tags name it; one event takes at most %d", len(tags), maxEventTags)
		}
		return err
	}
}

// mayForget is asked which of the blocks in a segment may go: those that no
// reference reaches, by a mark that is whole, and no lease relies on. It
// condemns them in the same step, so that nobody finds one afterwards.
// indexed are the slots that the index names.
func (s *Store) mayForget(c *collection, segment uint64, indexed bitmap) (permit, error) {
	if !c.marked {
		return permit{}, fault.New(fault.Denied, "guard", pack.Name(segment), "what is referred to is not known")
	}
	s.barrier.Lock()
	defer s.barrier.Unlock()
	relied, horizon := s.leases.relied()
	if segment >= horizon {
		return permit{}, fault.New(fault.Locked, "guard", pack.Name(segment), "a lease may rely on anything in it")
	}
	var slots bitmap
	for slot := range c.slots(segment) {
		if indexed.has(slot) && !c.marks.has(segment, slot) && !relied.has(segment, slot) {
			slots.set(slot)
		}
	}
	s.segments.condemn(segment, slots)
	return permit{act: actForget, segment: segment, slots: slots}, nil
}

// mayUnlink is asked before a segment's file goes: nothing in the index may
// name it any more.
func (s *Store) mayUnlink(ctx context.Context, segment uint64, held []pack.Found) (permit, error) {
	for part := range slices.Chunk(held, MaxBatchOps) {
		digests := make([]dag.Digest, len(part))
		for i, b := range part {
			digests[i] = b.Digest
		}
		rows, err := s.blockRows(ctx, digests)
		if err != nil {
			return permit{}, err
		}
		for i, row := range rows {
			if row == nil {
				continue
			}
			loc, err := decodeLocation(row)
			if err != nil {
				return permit{}, fault.Wrap(fault.Denied, "guard", pack.Name(segment), err)
			}
			if loc.Segment == segment {
				return permit{}, fault.New(fault.Denied, "guard", pack.Name(segment), "block %s is still read from it", digests[i])
			}
		}
	}
	return permit{act: actUnlink, segment: segment}, nil
}

// mayUnlinkUnborn is asked before the file of a segment goes whose making was
// cut short, so that it holds nothing: each byte behind the header is looked at,
// as the index may be new and not know what was there.
func mayUnlinkUnborn(fs pack.FS, segment uint64, found pack.Result) (permit, error) {
	if !found.Unborn || found.Slots > 0 {
		return permit{}, fault.New(fault.Denied, "guard", pack.Name(segment), "the segment may hold blocks")
	}
	return mayUnlinkBlank(fs, segment)
}

// mayUnlinkEmpty is asked before the file of a segment goes that ended before
// anything was written to it.
func mayUnlinkEmpty(fs pack.FS, segment uint64, row segmentRow) (permit, error) {
	if row.State != segmentClosed || row.At.Slots > 0 {
		return permit{}, fault.New(fault.Denied, "guard", pack.Name(segment), "the segment may hold blocks")
	}
	return mayUnlinkBlank(fs, segment)
}

func mayUnlinkBlank(fs pack.FS, segment uint64) (permit, error) {
	ok, err := blank(fs, segment)
	if err != nil {
		return permit{}, err
	}
	if !ok {
		return permit{}, fault.New(fault.Denied, "guard", pack.Name(segment), "there is something behind its header")
	}
	return permit{act: actUnlink, segment: segment}, nil
}

// blank reports whether a segment's file has only zeros behind the header.
func blank(fs pack.FS, segment uint64) (bool, error) {
	f, err := fs.Open(pack.Name(segment))
	if err != nil {
		return false, err
	}
	defer f.Close() // it was only read
	part, zeros := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(pack.Align); ; off += int64(len(part)) {
		n, err := f.ReadAt(part, off)
		if !bytes.Equal(part[:n], zeros[:n]) {
			return false, nil
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, fault.Wrap(fault.Unavailable, "guard", pack.Name(segment), err)
		}
	}
}

// mayFinishUnlink is asked when an opened store finds a segment dropped whose
// file may remain: leave was given before the crash, and is on record.
func mayFinishUnlink(segment uint64, row segmentRow) (permit, error) {
	if row.State != segmentDropped {
		return permit{}, fault.New(fault.Denied, "guard", pack.Name(segment), "the segment was not dropped")
	}
	return permit{act: actUnlink, segment: segment}, nil
}

// MayRebuildIndex is asked before an index is replaced by what the packs say:
// each segment must be readable as one of this store, or what only the index
// knows of it would be lost. The store must not be open.
func MayRebuildIndex(fs pack.FS, id pack.StoreID) error {
	names, err := fs.List()
	if err != nil {
		return fault.Wrap(fault.Other, "guard", "index", err)
	}
	for _, name := range names {
		segment, ok := pack.ParseName(name)
		if !ok {
			continue
		}
		if err := readable(fs, segment, id); err != nil {
			return fault.Hint(fault.Wrap(fault.Denied, "guard", "index", err),
				"the index may be all that is known of this segment; move the file away to rebuild without it")
		}
	}
	return nil
}

// readable refuses a segment that is not one of this store, or whose header is
// damaged. One that holds nothing has none.
func readable(fs pack.FS, segment uint64, id pack.StoreID) error {
	r, err := pack.OpenReader(fs, segment, id)
	if fault.Is(err, fault.Corrupt) {
		if empty, blankErr := blank(fs, segment); blankErr == nil && empty {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return r.Close()
}
