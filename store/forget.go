package store

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// forget takes the blocks that p allows out of the index.
func (s *Store) forget(ctx context.Context, p permit, id uint64, n *census) error {
	if err := p.allows(actForget, id); err != nil {
		return err
	}
	var doomed []int
	for i, b := range n.blocks {
		if p.slots.has(b.Slot) {
			doomed = append(doomed, i)
		}
	}
	for part := range slices.Chunk(doomed, MaxBatchOps) {
		if err := s.forgetPart(ctx, n, part); err != nil {
			return err
		}
	}
	return nil
}

// forgetPart deletes index rows that still name the condemned places: a block
// that was received anew since has another.
func (s *Store) forgetPart(ctx context.Context, n *census, part []int) error {
	s.index.Lock()
	defer s.index.Unlock()
	digests := make([]dag.Digest, len(part))
	for i, at := range part {
		digests[i] = n.blocks[at].Digest
	}
	rows, err := s.blockRows(ctx, digests)
	if err != nil {
		return err
	}
	var b Batch
	for i, at := range part {
		if rows[i] != nil && string(rows[i]) == string(encodeLocation(n.blocks[at].Location)) {
			b.Delete = append(b.Delete, blockKey(domainPublic, digests[i]))
		}
	}
	if len(b.Delete) == 0 {
		return nil
	}
	return s.meta.Commit(ctx, b)
}

// dropSegment removes a segment's file. The row goes last: a crash in between
// leaves it, and the next opening goes on from there.
func (s *Store) dropSegment(ctx context.Context, p permit, id uint64) error {
	if err := p.allows(actUnlink, id); err != nil {
		return err
	}
	row, ok := s.segments.row(id)
	if ok {
		row.State = segmentDropped
		if err := s.meta.Commit(ctx, Batch{Put: []Pair{{segmentKey(id), row.encode()}}}); err != nil {
			return err
		}
		s.segments.set(id, row)
		if err := s.segments.drain(ctx, id); err != nil {
			return err
		}
	}
	if err := s.opt.Packs.Remove(pack.Name(id)); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	last := Batch{Delete: [][]byte{segmentKey(id)}}
	if s.segments.newest(id) {
		last.Put = []Pair{{keyTop, binary.BigEndian.AppendUint64(nil, id)}}
	}
	if err := s.meta.Commit(ctx, last); err != nil {
		return err
	}
	s.segments.forget(id)
	return nil
}

// finishDrop removes the file of a segment that was dropped, where something
// interrupted that.
func (s *Store) finishDrop(ctx context.Context, id uint64) error {
	row, ok := s.segments.row(id)
	if !ok || row.State != segmentDropped {
		return nil
	}
	leave, err := mayFinishUnlink(id, row)
	if err != nil {
		return err
	}
	return s.dropSegment(ctx, leave, id)
}
