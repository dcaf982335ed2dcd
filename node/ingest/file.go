package ingest

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"sync"

	"github.com/tegwick/artifact-store/dag"
)

// pipeline takes one long content apart while it is read. The caller reads and
// cuts; each stage has a goroutine, in which it sees every slab in order.
type pipeline struct {
	*ingest
	ctx    context.Context
	cancel context.CancelCauseFunc
	stages []chan *slab // each has room for all slabs, so that a send never waits
	wg     sync.WaitGroup
}

// large keeps what r holds, and calls count with the length of each piece as
// it is read. Beyond limit bytes, where that is not negative, it is
// [errChanged]. It holds what all large files share, and so waits its turn.
func (in *ingest) large(ctx context.Context, r io.Reader, limit int64, count func(n int64)) (content, error) {
	select {
	case in.turn <- struct{}{}:
		defer func() { <-in.turn }()
	case <-ctx.Done():
		return content{}, context.Cause(ctx)
	}
	p := &pipeline{ingest: in}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	defer p.cancel(nil)

	chunks := in.newWriter(p.ctx)
	p.stage(chunks.slab)
	var sha, blake hash.Hash
	if !in.req.WithoutSHA256 {
		sha = sha256.New()
		p.stage(into(sha))
	}
	if in.req.WholeBLAKE3 {
		blake = dag.NewHash()
		p.stage(into(blake))
	}
	err := p.read(r, limit, count)
	for _, s := range p.stages {
		close(s)
	}
	p.wg.Wait()
	if err == nil {
		err = context.Cause(p.ctx)
	}
	if err != nil {
		return content{}, err
	}
	return chunks.finish(sum(sha), sum(blake))
}

// stage starts a goroutine that does work for each slab. Its first error ends
// the pipeline; the slabs that are under way are released all the same.
func (p *pipeline) stage(work func(*slab) error) {
	in := make(chan *slab, slabCount)
	p.stages = append(p.stages, in)
	p.wg.Go(func() {
		for s := range in {
			if p.ctx.Err() == nil {
				if err := work(s); err != nil {
					p.cancel(err)
				}
			}
			s.release()
		}
	})
}

// read fills slabs from r to its end, cuts them, and passes them on. A slab
// stays held until the next has taken over what is left behind its last cut.
func (p *pipeline) read(r io.Reader, limit int64, count func(n int64)) error {
	var last *slab
	var rest []byte
	var total int64
	for eof := false; !eof; {
		s, err := p.slabs.get(p.ctx)
		kept := 0
		if err == nil {
			kept = copy(s.buf, rest)
		}
		if last != nil {
			last.release()
		}
		if err != nil {
			return err
		}
		var n int
		if n, err = fill(r, s.buf[kept:]); err == io.EOF {
			eof = true
		} else if err != nil {
			// The slab is not used again: a Read that was given up may still
			// write to it.
			return err
		}
		count(int64(n))
		if total += int64(n); limit >= 0 && total > limit {
			s.release()
			return errChanged
		}
		rest = s.cut(p.req.Profile, kept+n, eof)
		s.refs.Add(int32(len(p.stages)))
		for _, stage := range p.stages {
			stage <- s
		}
		last = s
	}
	last.release()
	return nil
}

// fill reads until buf is full or r ends, which is [io.EOF] whether there were
// bytes or not. Unlike [io.ReadFull] it takes an unexpected end that r itself
// reports for the error that it is.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		n += m
		if err != nil {
			return n, err
		}
		if m > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// into is the stage that hashes the whole.
func into(h hash.Hash) func(*slab) error {
	return func(s *slab) error {
		h.Write(s.whole()) // a hash never fails
		return nil
	}
}

// sum returns what h hashed, nil where there is no h.
func sum(h hash.Hash) []byte {
	if h == nil {
		return nil
	}
	return h.Sum(nil)
}

// giveUp is a reader whose Read ends with ctx, were the one beneath it to
// block for ever. That one then returns on its own, and its bytes are lost.
type giveUp struct {
	ctx context.Context
	r   io.Reader
}

func (g giveUp) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := g.r.Read(p)
		done <- result{n, err}
	}()
	select {
	case res := <-done:
		return res.n, res.err
	case <-g.ctx.Done():
		return 0, context.Cause(g.ctx)
	}
}
