package store

import (
	"context"
	"sync"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Limits of what is committed together: the view rows of a group have to fit
// one transaction with its index entries.
const (
	maxRound     = 128       // changes
	maxViewBytes = 440 << 10 // of the view rows of a group
	// maxChangeTags is how many tags go with an artifact in one change: at two
	// rows a tag, with the longest names, they are within maxViewBytes.
	maxChangeTags = 512
)

// sequencer gives reference changes their order. It is their only writer, so
// that a change is planned against exactly the state that it will meet.
type sequencer struct {
	wake chan struct{} // holds one token while queue is not empty

	mu    sync.Mutex // guards all below
	queue []*changeRequest
	shut  bool // nothing is taken any more
}

// changeRequest is a change that waits for its turn.
type changeRequest struct {
	change change
	// check is asked for its leave against the state before the change.
	check func(context.Context, *view) error
	// finally is called when the change is applied, or never will be; its
	// caller may have given up by then. It may be nil, as may check.
	finally func()
	done    outcome
}

func (r *changeRequest) end(err error) {
	if r.finally != nil {
		r.finally()
	}
	r.done.end(err)
}

// commit numbers a change and returns when it is applied and durable. Where ctx
// ends first, the change may yet come to pass.
func (s *Store) commit(ctx context.Context, r *changeRequest) error {
	s.submit(r)
	return r.done.wait(ctx, s.stopped)
}

// submit queues a change.
func (s *Store) submit(r *changeRequest) {
	r.done = newOutcome()
	if !s.refs.push(r) {
		r.end(errStopped("change reference"))
		return
	}
	s.refs.poke()
}

func (q *sequencer) push(r *changeRequest) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.shut {
		q.queue = append(q.queue, r)
	}
	return !q.shut
}

// close refuses what comes from now on, and ends what waits.
func (q *sequencer) close() {
	q.mu.Lock()
	q.shut = true
	q.mu.Unlock()
	for {
		rest := q.take()
		if len(rest) == 0 {
			return
		}
		for _, r := range rest {
			r.end(errStopped("change reference"))
		}
	}
}

func (q *sequencer) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *sequencer) take() []*changeRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.queue), maxRound)
	round := q.queue[:n:n]
	q.queue = q.queue[n:]
	return round
}

// back puts requests in front of the queue again.
func (q *sequencer) back(rest []*changeRequest) {
	q.mu.Lock()
	q.queue = append(rest[:len(rest):len(rest)], q.queue...)
	q.mu.Unlock()
}

func (s *Store) runSequencer(ctx context.Context) error {
	defer s.refs.close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.refs.wake:
		}
		for {
			round := s.refs.take()
			if len(round) == 0 {
				break
			}
			s.runRound(ctx, round)
			if ctx.Err() != nil {
				return nil
			}
		}
	}
}

// runRound plans changes one upon the other, writes those that are not refused
// into one group, and answers each. What no longer fits the group waits for
// the next round: changes of two groups could not fail together.
func (s *Store) runRound(ctx context.Context, round []*changeRequest) {
	v, err := newView(ctx, s.meta)
	var g *group
	if err == nil {
		g, err = s.appender.current(ctx, s.stopped)
	}
	if err != nil {
		for _, r := range round {
			r.end(err)
		}
		return
	}
	var planned []*changeRequest
	for i, r := range round {
		rec, refused := s.plan(ctx, v, r)
		if refused != nil {
			r.end(refused)
			continue
		}
		if !s.appender.addChange(g, rec, v.take()) {
			s.refs.back(round[i:])
			break
		}
		planned = append(planned, r)
	}
	if len(planned) == 0 {
		return
	}
	s.appender.push(g)
	<-g.indexed.done // the writer and the indexer end every group
	for _, r := range planned {
		r.end(g.indexed.err)
	}
}

// plan numbers a change, lays it over v and returns its record. A change that
// is refused leaves v as it was.
func (s *Store) plan(ctx context.Context, v *view, r *changeRequest) (pack.Record, error) {
	if err := r.change.checkNames(); err != nil {
		return pack.Record{}, err
	}
	if r.check != nil {
		if err := r.check(ctx, v); err != nil {
			return pack.Record{}, err
		}
	}
	r.change.Version, r.change.Sequence, r.change.Time = changeVersion, v.nextSeq, s.opt.Now().UnixMilli()
	data, err := r.change.encode()
	if err != nil {
		return pack.Record{}, fault.Wrap(fault.Invalid, "encode reference change", r.change.Repository, err)
	}
	if err := apply(ctx, v, r.change); err != nil {
		return pack.Record{}, err
	}
	return pack.Record{Type: pack.Reference, Plain: uint32(len(data)), Digest: dag.Sum(data), Payload: data}, nil
}
