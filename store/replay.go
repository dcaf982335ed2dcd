package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Limits of a commit of what is replayed: beyond them a batch is committed.
const (
	replayRows  = MaxBatchOps / 2
	replayBytes = MaxBatchBytes / 4
)

// replay appends the records that were found to their logs, and applies their
// events, in their order. Those that are there already, and second copies,
// change nothing.
func (r *recovery) replay(ctx context.Context) error {
	slices.SortStableFunc(r.records, func(a, b record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	v, err := newView(ctx, r.s.meta)
	if err != nil {
		return err
	}
	size := 0
	for i, rec := range r.records {
		if rec.Sequence <= v.mark.Sequence || i+1 < len(r.records) && r.records[i+1].Sequence == rec.Sequence {
			continue
		}
		grown, err := r.replayOne(ctx, v, rec)
		if err != nil {
			return err
		}
		size += grown + len(rec.Leaf) + len(rec.Payload)
		if len(v.rows)+8*len(v.logs) < replayRows && size+tileRoom*len(v.logs) < replayBytes {
			continue
		}
		if v, err = r.commitView(ctx, v); err != nil {
			return err
		}
		size = 0
	}
	_, err = r.commitView(ctx, v)
	return err
}

// replayOne appends a record behind what may be missing before it, and returns
// the size of the rows that follow from it.
func (r *recovery) replayOne(ctx context.Context, v *view, rec record) (int, error) {
	if rec.Sequence != v.mark.Sequence+1 {
		r.s.opt.Log.Error("events are missing from the packs", "from", v.mark.Sequence+1, "before", rec.Sequence)
	}
	e, err := rec.event()
	if err != nil {
		return 0, err
	}
	if err := apply(ctx, v, e); fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		// It changes what a lost one had made.
		r.s.opt.Log.Error("an event cannot be applied", "sequence", rec.Sequence, "error", err)
	} else if err != nil {
		return 0, err
	}
	size := v.changed
	if err := v.append(ctx, rec); err != nil {
		return 0, err
	}
	v.keep()
	return size, nil
}

// commitView commits what v has changed and returns the view after it. A
// removal may be too large for one batch where events before it are missing; it
// is then cut short from its end, so that it can be applied again after a crash.
func (r *recovery) commitView(ctx context.Context, v *view) (*view, error) {
	if err := v.heads(r.s.opt.Checkpoints); err != nil {
		return nil, err
	}
	b := v.all()
	if b.Check() != nil {
		slices.Reverse(b.Delete)
		for part := range slices.Chunk(b.Delete, MaxBatchOps/8) {
			if err := r.s.meta.Commit(ctx, Batch{Delete: part}); err != nil {
				return nil, err
			}
		}
		b.Delete = nil
	}
	if len(b.Put) > 0 {
		if err := r.s.meta.Commit(ctx, b); err != nil {
			return nil, err
		}
	}
	return newView(ctx, r.s.meta)
}
