package store

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Run commits what is written until ctx ends, and returns nil then. Any other
// end means that the index can no longer be trusted to follow the packs; a
// store that is opened anew brings them into agreement. Run may be called once.
func (s *Store) Run(ctx context.Context) error {
	defer s.stopOnce.Do(func() { close(s.stopped) })
	group, ctx := errgroup.WithContext(ctx)
	jobs := make(chan indexJob, groupBuffers)
	group.Go(func() error { return s.runWriter(ctx, jobs) })
	group.Go(func() error { return s.runIndexer(context.WithoutCancel(ctx), jobs) })
	group.Go(func() error { return s.runSequencer(ctx) })
	return group.Wait()
}

// indexJob is work for the indexer: a group whose bytes are durable, or with
// no group the state that a segment has come to.
type indexJob struct {
	group   *group
	segment uint64
	row     segmentRow
	done    chan<- error // answered when all up to here is indexed; may be nil
}

// segmentWriter is the writer's hold on the one segment that grows.
type segmentWriter struct {
	s    *Store
	jobs chan<- indexJob
	w    *pack.Writer // nil before the first write and after a segment's end
	row  segmentRow   // of w's segment
}

func (s *Store) runWriter(ctx context.Context, jobs chan<- indexJob) (err error) {
	sw := segmentWriter{s: s, jobs: jobs}
	defer close(jobs)
	defer func() { err = errors.Join(err, sw.close()) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case done := <-s.appender.roll:
			sw.roll(done)
		case g := <-s.appender.ready:
			if err := sw.write(g); err != nil {
				s.appender.finish(g, err)
				continue
			}
			g.durable.end(nil)
			jobs <- indexJob{group: g, segment: g.segment, row: g.row}
		}
	}
}

// write makes a group durable. A write or sync that fails ends its segment for
// ever, since nothing is known of its tail then, and the group, which is still
// in memory, is written to another one.
func (sw *segmentWriter) write(g *group) error {
	if err := sw.room(g.batch.Bytes()); err != nil {
		return err
	}
	locations, err := sw.w.Append(g.batch, sw.s.opt.Now())
	if err != nil {
		sw.s.opt.Log.Error("a segment failed; writing to another", "segment", pack.Name(sw.w.Segment()), "error", err)
		sw.end(segmentClosed, nil)
		if err := sw.room(g.batch.Bytes()); err != nil {
			return err
		}
		if locations, err = sw.w.Append(g.batch, sw.s.opt.Now()); err != nil {
			sw.end(segmentClosed, nil)
			return err
		}
	}
	sw.row.At = sw.w.State()
	for i, e := range g.entries {
		if e.typ != pack.Reference {
			sw.row.Bytes += int64(locations[i].Stored)
		}
	}
	g.locations, g.segment, g.row = locations, sw.w.Segment(), sw.row
	return nil
}

// room makes sure that there is a segment with room for n bytes.
func (sw *segmentWriter) room(n int) error {
	if sw.w == nil {
		if err := sw.resume(); err != nil {
			return err
		}
	}
	if sw.w != nil && sw.w.Room() < int64(n) {
		sw.end(segmentSealed, nil)
	}
	if sw.w == nil {
		return sw.create(n)
	}
	return nil
}

// resume goes on with the segment that an earlier run left open. Any other
// open one is ended: it was given up after a failure.
func (sw *segmentWriter) resume() error {
	ids := sw.s.segments.ids()
	for i := len(ids) - 1; i >= 0; i-- {
		row, ok := sw.s.segments.row(ids[i])
		if !ok || row.State != segmentOpen {
			continue
		}
		w, err := pack.Resume(sw.s.opt.Packs, ids[i], sw.s.opt.ID, row.At, sw.s.opt.SegmentSize)
		if err == nil && sw.w == nil {
			sw.w, sw.row = w, row
			continue
		}
		if fault.Is(err, fault.Full) || fault.Is(err, fault.Denied) {
			return err
		}
		if err != nil {
			sw.s.opt.Log.Error("a segment cannot be continued", "segment", pack.Name(ids[i]), "error", err)
		} else if err := w.Close(); err != nil {
			return err
		}
		row.State = segmentClosed
		sw.jobs <- indexJob{segment: ids[i], row: row}
	}
	return nil
}

// create begins a segment that has room for n bytes: of the usual size, or of
// half, a quarter and so on where the disk has no room for that.
func (sw *segmentWriter) create(n int) error {
	const footer = 1 << 20
	need := int64(n) + pack.Align + footer
	id := sw.s.segments.next()
	for size := max(sw.s.opt.SegmentSize, need); ; size = max(size/2, need) {
		err := sw.s.opt.Admit(size)
		if err == nil {
			sw.w, err = pack.Create(sw.s.opt.Packs, id, sw.s.opt.ID, size)
		}
		if err == nil {
			break
		}
		if !fault.Is(err, fault.Full) || size == need {
			return err
		}
	}
	sw.row = segmentRow{State: segmentOpen, At: sw.w.State()}
	sw.s.segments.set(id, sw.row)
	return nil
}

// roll seals the segment that grows, and answers when its end is indexed.
func (sw *segmentWriter) roll(done chan<- error) {
	if sw.w == nil {
		if err := sw.resume(); err != nil || sw.w == nil {
			done <- err
			return
		}
	}
	sw.end(segmentSealed, done)
}

// end ends the segment: sealed, or closed as it is where it has failed.
func (sw *segmentWriter) end(state segmentState, done chan<- error) {
	w, row := sw.w, sw.row
	sw.w = nil
	row.State = state
	if state == segmentSealed {
		if _, err := w.Seal(); err != nil {
			sw.s.opt.Log.Error("a segment could not be sealed", "segment", pack.Name(w.Segment()), "error", err)
			row.State = segmentClosed
		}
	}
	if row.State == segmentClosed {
		if err := w.Close(); err != nil {
			sw.s.opt.Log.Error("a segment could not be closed", "segment", pack.Name(w.Segment()), "error", err)
		}
	}
	sw.jobs <- indexJob{segment: w.Segment(), row: row, done: done}
}

func (sw *segmentWriter) close() error {
	if sw.w == nil {
		return nil
	}
	return sw.w.Close()
}
