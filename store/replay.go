package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/tegwick/artifact-store/dag/fault"
)

// replay applies the changes that were found, in their order. Those that the
// views have already, and second copies, change nothing.
func (r *recovery) replay(ctx context.Context) error {
	slices.SortStableFunc(r.changes, func(a, b change) int { return cmp.Compare(a.Sequence, b.Sequence) })
	v, err := newView(ctx, r.s.meta)
	if err != nil {
		return err
	}
	for i, c := range r.changes {
		if c.Sequence < v.nextSeq || i+1 < len(r.changes) && r.changes[i+1].Sequence == c.Sequence {
			continue
		}
		if err := r.replayOne(ctx, v, c); err != nil {
			return err
		}
		if len(v.rows) >= maxChangeTags { // leaves room for one more change
			if v, err = r.commitView(ctx, v.all()); err != nil {
				return err
			}
		}
	}
	_, err = r.commitView(ctx, v.all())
	return err
}

// replayOne applies a change over what may be missing before it.
func (r *recovery) replayOne(ctx context.Context, v *view, c change) error {
	if c.Sequence > v.nextSeq {
		r.s.opt.Log.Error("reference changes are missing from the packs", "from", v.nextSeq, "before", c.Sequence)
		v.pass(c.Sequence - 1)
	}
	err := apply(ctx, v, c)
	if fault.Is(err, fault.NotFound) {
		// It changes what a lost one had made.
		r.s.opt.Log.Error("a reference change cannot be applied", "sequence", c.Sequence, "error", err)
		v.pass(c.Sequence)
		return nil
	}
	v.take()
	return err
}

// commitView commits rows and returns the view after them. A removal may be too
// large for one batch where changes before it are missing; it is then cut short
// from its end, so that it can be applied again after a crash.
func (r *recovery) commitView(ctx context.Context, b Batch) (*view, error) {
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
