package ingest

import (
	"context"
	"sync/atomic"

	"github.com/tegwick/artifact-store/dag/chunk"
)

// slab is a piece of a large file on its way through the pipeline: whole
// chunks, and behind them the beginning of one that the next slab completes.
type slab struct {
	buf  []byte
	cuts []int        // where each chunk of buf ends, ascending
	refs atomic.Int32 // who still reads buf; at 0 it may be filled anew
	home *slabs
}

// cut finds the chunks in the first n bytes, and returns what is left behind
// them: less than a chunk may take, and nothing where no more is to come.
func (s *slab) cut(p chunk.Profile, n int, last bool) (rest []byte) {
	from := 0
	for from < n && (last || n-from >= p.Max()) {
		from += p.Cut(s.buf[from:n])
		s.cuts = append(s.cuts, from)
	}
	return s.buf[from:n]
}

// whole returns the bytes of the slab's chunks.
func (s *slab) whole() []byte {
	if len(s.cuts) == 0 {
		return nil
	}
	return s.buf[:s.cuts[len(s.cuts)-1]]
}

// release gives up one reference.
func (s *slab) release() {
	if s.refs.Add(-1) == 0 {
		s.home.free <- s
	}
}

// slabs is a pool of slabCount slabs, each allocated when it is first needed.
// One goroutine at a time may call get.
type slabs struct {
	free chan *slab // has room for all
	made int
}

func newSlabs() *slabs { return &slabs{free: make(chan *slab, slabCount)} }

// get returns an empty slab with one reference, and waits for one to be
// released where all are in use.
func (p *slabs) get(ctx context.Context) (*slab, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var s *slab
	select {
	case s = <-p.free:
	default:
		if p.made < slabCount {
			p.made++
			s = &slab{buf: make([]byte, slabSize), home: p}
			break
		}
		select {
		case s = <-p.free:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	s.cuts = s.cuts[:0]
	s.refs.Store(1)
	return s, nil
}
