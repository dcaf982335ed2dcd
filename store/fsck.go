package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Problem is one thing that fsck found.
type Problem struct {
	File   string   // the segment file, or "" for the index
	Offset int64    // in File
	Block  string   // the CID or digest of what is lost, or ""
	Owners []string // the artifacts that need it, each "repository@digest path"
	Reason string
}

// FsckReport is the result of a check.
type FsckReport struct {
	Segments, Blocks, Artifacts int64
	Bytes                       int64 // stored bytes that were read
	Problems                    []Problem
}

// FsckProgress is told how many bytes of the packs were read so far.
type FsckProgress func(done, total int64)

// checker is one run of fsck.
type checker struct {
	s        *Store
	progress FsckProgress
	total    int64
	report   FsckReport
	rows     map[uint64]segmentRow // of the segments that are looked at, when it began
	sequence uint64                // of the last change when it began
	events   bitmap                // sequences of the events that were found
	matched  slotSet               // slots that the index names and that hold their block
	lost     map[dag.Digest]*[]int // blocks that cannot be read -> their problems
}

// Fsck reads every byte: each frame and record of each segment, each footer,
// each index entry, and every artifact's closure. What it finds it lists with
// the file, the block and the artifacts that need it; the error is
// [fault.Corrupt] where there is any, and only then or when reading fails.
// It runs beside reading; what is written meanwhile is not looked at.
func (s *Store) Fsck(ctx context.Context, progress FsckProgress) (FsckReport, error) {
	const op = "check store"
	if !s.collecting.TryLock() {
		return FsckReport{}, fault.New(fault.Conflict, op, "", "a collection is running")
	}
	defer s.collecting.Unlock()
	c := &checker{s: s, progress: progress, matched: make(slotSet), lost: make(map[dag.Digest]*[]int)}
	if err := c.begin(ctx); err != nil {
		return c.report, fault.Wrap(fault.Other, op, "", err)
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		if err := c.segment(ctx, id, c.rows[id]); err != nil {
			return c.report, fault.Wrap(fault.Other, op, pack.Name(id), err)
		}
	}
	c.sequences()
	if err := c.index(ctx); err != nil {
		return c.report, fault.Wrap(fault.Other, op, "index", err)
	}
	if err := c.closures(ctx); fault.Is(err, fault.Corrupt) {
		c.problem(Problem{Reason: err.Error()})
	} else if err != nil {
		return c.report, fault.Wrap(fault.Other, op, "artifacts", err)
	}
	if n := len(c.report.Problems); n > 0 {
		return c.report, fault.New(fault.Corrupt, op, "", "problems found: %d", n)
	}
	return c.report, nil
}

func (c *checker) problem(p Problem) int {
	c.report.Problems = append(c.report.Problems, p)
	return len(c.report.Problems) - 1
}

// lose notes that a block cannot be read, and why.
func (c *checker) lose(d dag.Digest, p Problem) {
	p.Block = d.String()
	at := c.lost[d]
	if at == nil {
		at = new([]int)
		c.lost[d] = at
	}
	*at = append(*at, c.problem(p))
}

// begin fixes what is looked at, between two commits of the indexer.
func (c *checker) begin(ctx context.Context) error {
	c.s.index.Lock()
	defer c.s.index.Unlock()
	b, err := c.s.getOne(ctx, keySequence)
	if err != nil {
		return err
	}
	mark, err := decodeMark(b)
	if err != nil {
		c.problem(Problem{Reason: "the index does not tell which event was the last"})
	}
	c.sequence = mark.Sequence
	c.rows = make(map[uint64]segmentRow)
	for _, id := range c.s.segments.ids() {
		if row, ok := c.s.segments.row(id); ok && row.State != segmentDropped {
			c.rows[id] = row
			c.total += row.At.Length
		}
	}
	return nil
}

// sequences looks for events that the index has and the packs have
// not: an index that is built anew would lack what they made.
func (c *checker) sequences() {
	const most = 1 << 30 // what is plausible; more says that the index is damaged
	if c.sequence > most {
		c.problem(Problem{Reason: fmt.Sprintf("the index says that there were %d events", c.sequence)})
		return
	}
	for from := uint64(1); from <= c.sequence; from++ {
		if c.events.has(uint32(from)) {
			continue
		}
		to := from
		for to < c.sequence && !c.events.has(uint32(to+1)) {
			to++
		}
		c.problem(Problem{Reason: fmt.Sprintf("events %d to %d are not in the packs", from, to)})
		from = to
	}
}

// segment reads one segment whole.
func (c *checker) segment(ctx context.Context, id uint64, row segmentRow) error {
	c.report.Segments++
	found, err := pack.Check(c.s.opt.Packs, id, c.s.opt.ID, func(f *pack.Frame) error {
		if f.Offset >= row.At.Length {
			return nil // written since, or never acknowledged
		}
		return c.frame(ctx, f)
	})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt) {
		c.problem(Problem{File: pack.Name(id), Reason: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	if found.Unborn {
		c.problem(Problem{File: pack.Name(id), Reason: "no segment header with a valid checksum"})
	} else if found.Length < row.At.Length && len(found.Damage) == 0 {
		c.problem(Problem{File: pack.Name(id), Offset: found.Length, Reason: fmt.Sprintf("the segment ends here and not at %d", row.At.Length)})
	}
	if row.State == segmentSealed && found.Sealed == nil && len(found.Damage) == 0 {
		c.problem(Problem{File: pack.Name(id), Offset: row.At.Length, Reason: "the footer is missing"})
	}
	for _, d := range found.Damage {
		if d.Offset < row.At.Length || row.State == segmentSealed {
			c.problem(Problem{File: d.File, Offset: d.Offset, Reason: d.Reason})
		}
	}
	return nil
}

// frame reads the records of one frame as a reader would.
func (c *checker) frame(ctx context.Context, f *pack.Frame) error {
	digests := make([]dag.Digest, len(f.Records))
	for i, r := range f.Records {
		digests[i] = r.Digest
	}
	rows, err := c.s.blockRows(ctx, digests)
	if err != nil {
		return err
	}
	for i, r := range f.Records {
		c.report.Bytes += int64(r.Stored)
		reason := defect(f, i)
		if r.Type == pack.Event {
			if reason != "" {
				c.problem(Problem{File: pack.Name(r.Segment), Offset: int64(r.Offset), Reason: "an event: " + reason})
			} else if ch, err := decodeRecord(f.Payload(i)); err == nil && ch.Sequence <= c.sequence {
				c.events.set(uint32(ch.Sequence))
			}
			continue
		}
		c.report.Blocks++
		named := rows[i] != nil && slices.Equal(rows[i], encodeLocation(r.Location))
		if named {
			c.matched.add(r.Segment, r.Slot)
		}
		if reason != "" && named {
			c.lose(r.Digest, Problem{File: pack.Name(r.Segment), Offset: int64(r.Offset), Reason: reason})
		} else if reason != "" {
			c.problem(Problem{File: pack.Name(r.Segment), Offset: int64(r.Offset), Block: r.Digest.String(), Reason: reason + "; nothing reads this copy"})
		}
	}
	if c.progress != nil {
		c.progress(c.report.Bytes, c.total)
	}
	return ctx.Err()
}

// defect says what is wrong with a record, or "".
func defect(f *pack.Frame, i int) string {
	r := f.Records[i]
	if r.Err != nil {
		return "it fails its checksum"
	}
	plain, err := pack.Decode(f.Payload(i), r.Compression, r.Plain, nil)
	switch {
	case err != nil:
		return err.Error()
	case dag.Sum(plain) != r.Digest:
		return "the bytes do not hash to their digest"
	case r.Type == pack.Event:
		if _, err := decodeRecord(plain); err != nil {
			return err.Error()
		}
	}
	return ""
}

// verifier is a metadata engine that can check every byte of its own files.
type verifier interface {
	Verify(ctx context.Context) error
}

// index has the engine check itself, and looks for entries that name a place
// where their block is not.
func (c *checker) index(ctx context.Context) error {
	if v, ok := c.s.meta.(verifier); ok {
		if err := v.Verify(ctx); fault.Is(err, fault.Corrupt) {
			c.problem(Problem{Reason: err.Error()})
		} else if err != nil {
			return err
		}
	}
	return c.s.meta.Iterate(ctx, []byte(prefixBlock), nil, func(k, v []byte) error {
		d, err := blockKeyDigest(k)
		if err != nil {
			c.problem(Problem{Reason: err.Error()})
			return nil
		}
		loc, err := decodeLocation(v)
		switch {
		case err != nil:
			c.lose(d, Problem{Reason: "its place in the index cannot be read"})
		case !c.matched.has(loc.Segment, loc.Slot) && !c.later(loc):
			c.lose(d, Problem{File: pack.Name(loc.Segment), Offset: int64(loc.Offset), Reason: "the index names this place, and the block is not there"})
		}
		return nil
	})
}

// later reports whether l was written after the check began.
func (c *checker) later(l pack.Location) bool {
	row, known := c.rows[l.Segment]
	if !known {
		_, known = c.s.segments.row(l.Segment)
		return known
	}
	now, _ := c.s.segments.row(l.Segment)
	return row.State == segmentOpen && l.Slot >= row.At.Slots && (now.State == segmentOpen || l.Slot < now.At.Slots)
}
