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
	defer s.stop()
	group, ctx := errgroup.WithContext(ctx)
	jobs := make(chan indexJob, groupBuffers)
	group.Go(func() error { return s.runWriter(ctx, jobs) })
	group.Go(func() error { return s.runIndexer(context.WithoutCancel(ctx), jobs) })
	group.Go(func() error { return s.runSequencer(ctx) })
	return group.Wait()
}

// stop tells everyone who waits that nothing commits any more.
func (s *Store) stop() { s.stopOnce.Do(func() { close(s.stopped) }) }

// indexJob is work for the indexer: a group whose bytes are durable, or with
// no group the state that a segment has come to, or with neither nothing.
type indexJob struct {
	group   *group
	segment uint64 // 0 where only done is to be answered
	row     segmentRow
	done    chan<- error // answered when all up to here is indexed; may be nil
}

// segmentWriter is the writer's hold on the one segment that grows. It alone
// knows how far a segment is durable: the rows in [segments] follow the index,
// which comes later.
type segmentWriter struct {
	s    *Store
	jobs chan<- indexJob
	w    *pack.Writer // nil before the first write and after a segment's end
	row  segmentRow   // of w's segment
	left []uint64     // open when the store was opened and not looked at yet, descending
}

// runWriter writes groups until ctx or the store ends. What it leaves is
// nowhere, and whoever waits for it hears so.
func (s *Store) runWriter(ctx context.Context, jobs chan<- indexJob) (err error) {
	sw := segmentWriter{s: s, jobs: jobs, left: s.segments.open()}
	defer close(jobs)
	defer func() { err = errors.Join(err, sw.close()) }()
	defer s.appender.shut()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.stopped:
			return nil
		case done := <-s.appender.roll:
			sw.roll(done)
		case g := <-s.appender.ready:
			fatal, err := sw.write(g)
			if err != nil {
				s.appender.finish(g, err)
			}
			if fatal {
				return fault.Wrap(fault.Other, "write segment", "", err)
			}
			if err == nil {
				g.durable.end(nil)
				jobs <- indexJob{group: g, segment: g.segment, row: g.row}
			}
		}
	}
}

// write makes a group durable. A write or sync that fails ends its segment for
// ever, since nothing is known of its tail then, and the group, which is still
// in memory, is written to another one.
//
// A group that is given up must not come back: the numbers of its changes are
// given again. Where what an attempt left behind cannot be cut off the failure
// is fatal, and the next opening finds whether the group is there.
func (sw *segmentWriter) write(g *group) (fatal bool, err error) {
	var locations []pack.Location
	for try := 0; ; try++ {
		if err = sw.room(g.batch.Bytes()); err != nil {
			return fatal, err
		}
		if locations, err = sw.w.Append(g.batch, sw.s.opt.Now()); err == nil {
			break
		}
		sw.s.opt.Log.Error("a segment failed", "segment", pack.Name(sw.w.Segment()), "error", err)
		if !sw.abandon() {
			fatal = true
		}
		if try > 0 {
			return fatal, err
		}
	}
	sw.row.At = sw.w.State()
	for i, e := range g.entries {
		if e.typ != pack.Event {
			sw.row.Bytes += int64(locations[i].Stored)
		}
	}
	g.locations, g.segment, g.row = locations, sw.w.Segment(), sw.row
	return false, nil
}

// room makes sure that there is a segment with room for n bytes.
func (sw *segmentWriter) room(n int) error {
	if err := sw.resume(n); err != nil {
		return err
	}
	if sw.w != nil && sw.w.Room() < int64(n) {
		sw.seal(nil)
	}
	if sw.w == nil {
		return sw.create(n)
	}
	return nil
}

// resume goes on with the segment that an earlier run left open, where it is
// the newest, with room for n bytes. Any other open one is ended: it was given
// up after a failure. Where the disk is full, or may not be written, it stays
// as it is for the next attempt.
func (sw *segmentWriter) resume(n int) error {
	for len(sw.left) > 0 {
		id := sw.left[0]
		row, _ := sw.s.segments.row(id)
		if sw.s.segments.newest(id) {
			err := sw.sized(row.At.Length, n, func(size int64) (err error) {
				sw.w, err = pack.Resume(sw.s.opt.Packs, id, sw.s.opt.ID, row.At, size)
				return err
			})
			if err == nil {
				sw.row, sw.left = row, sw.left[1:]
				continue
			}
			sw.w = nil
			if fault.Is(err, fault.Denied) || fault.Is(err, fault.Full) {
				return err
			}
			sw.s.opt.Log.Warn("a segment cannot be continued", "segment", pack.Name(id), "error", err)
		}
		sw.left = sw.left[1:]
		sw.cut(id, row.At)
		row.State = segmentClosed
		sw.jobs <- indexJob{segment: id, row: row}
	}
	return nil
}

// create begins a segment that has room for n bytes. A number that may have
// left a file behind is not used again.
func (sw *segmentWriter) create(n int) error {
	return sw.sized(0, n, func(size int64) (err error) {
		id := sw.s.segments.next()
		if sw.w, err = pack.Create(sw.s.opt.Packs, id, sw.s.opt.ID, size); err != nil {
			sw.w = nil
			if !fault.Is(err, fault.Full) {
				sw.s.segments.skip(id)
			}
			return err
		}
		sw.row = segmentRow{State: segmentOpen, At: sw.w.State()}
		sw.s.segments.set(id, sw.row)
		return nil
	})
}

// sized opens a segment of which have bytes are there, of the usual size, or of
// half, a quarter and so on where the disk has no room for that, down to what n
// more bytes and a footer need.
func (sw *segmentWriter) sized(have int64, n int, open func(size int64) error) error {
	const footer = 1 << 20
	need := have + int64(n) + pack.Align + footer
	for size := max(sw.s.opt.SegmentSize, need); ; size = max(size/2, need) {
		err := sw.s.opt.Admit(size - have)
		if err == nil {
			err = open(size)
		}
		if !fault.Is(err, fault.Full) || size == need {
			return err
		}
	}
}

// roll seals the segment that grows, and answers when its end is indexed.
func (sw *segmentWriter) roll(done chan<- error) {
	if err := sw.resume(0); err != nil {
		done <- err
		return
	}
	if sw.w == nil {
		sw.jobs <- indexJob{done: done}
		return
	}
	sw.seal(done)
}

// seal ends the segment with a footer, or closes it as it is where that fails.
func (sw *segmentWriter) seal(done chan<- error) {
	w, row := sw.w, sw.row
	sw.w = nil
	row.State = segmentSealed
	if _, err := w.Seal(); err != nil {
		sw.s.opt.Log.Error("a segment could not be sealed", "segment", pack.Name(w.Segment()), "error", err)
		row.State = segmentClosed
		sw.cut(w.Segment(), row.At)
	}
	sw.jobs <- indexJob{segment: w.Segment(), row: row, done: done}
}

// abandon ends the segment after a failed append and reports whether nothing
// of that is left. Where that is not known the segment's row stays as it is, so
// that the next opening looks at what is there.
func (sw *segmentWriter) abandon() (clean bool) {
	w, row := sw.w, sw.row
	sw.w = nil
	if err := w.Close(); err != nil {
		sw.s.opt.Log.Error("a segment could not be closed", "segment", pack.Name(w.Segment()), "error", err)
	}
	if !sw.cut(w.Segment(), row.At) {
		return false
	}
	row.State = segmentClosed
	sw.jobs <- indexJob{segment: w.Segment(), row: row}
	return true
}

// cut takes away what stands behind the durable end of a segment, and reports
// whether that is durable.
func (sw *segmentWriter) cut(id uint64, at pack.State) bool {
	f, err := sw.s.opt.Packs.Open(pack.Name(id))
	if err == nil {
		var size int64
		if size, err = f.Size(); err == nil && size >= at.Length {
			if err = f.Truncate(at.Length); err == nil {
				err = f.Sync()
			}
		}
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		sw.s.opt.Log.Error("the tail of a segment could not be cut off", "segment", pack.Name(id), "error", err)
	}
	return err == nil
}

func (sw *segmentWriter) close() error {
	if sw.w == nil {
		return nil
	}
	return sw.w.Close()
}
