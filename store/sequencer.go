package store

import (
	"context"
	"sync"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// maxRound is how many changes are numbered and committed together: their view
// rows have to fit one transaction with the rest of their group.
const maxRound = 128

// sequencer gives reference changes their order. It is their only writer, so
// that a change is planned against exactly the state that it will meet.
type sequencer struct {
	wake chan struct{} // holds one token while queue is not empty

	mu    sync.Mutex // guards queue
	queue []*changeRequest
}

// changeRequest is a change that waits for its turn.
type changeRequest struct {
	change change
	// check is asked for its leave against the state before the change.
	check func(context.Context, *view) error
	done  outcome
}

// commit numbers a change and returns when it is applied and durable. check
// may be nil.
func (s *Store) commit(ctx context.Context, c change, check func(context.Context, *view) error) (change, error) {
	r := &changeRequest{change: c, check: check, done: newOutcome()}
	s.refs.mu.Lock()
	s.refs.queue = append(s.refs.queue, r)
	s.refs.mu.Unlock()
	s.refs.poke()
	err := r.done.wait(ctx, s.stopped)
	if err != nil {
		return change{}, err
	}
	return r.change, nil
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
			r.done.end(err)
		}
		return
	}
	var planned []*changeRequest
	for i, r := range round {
		rec, refused := s.plan(ctx, v, r)
		if refused != nil {
			r.done.end(refused)
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
	err = g.indexed.wait(ctx, s.stopped)
	for _, r := range planned {
		r.done.end(err)
	}
}

// plan numbers a change, lays it over v and returns its record. A change that
// is refused leaves v as it was.
func (s *Store) plan(ctx context.Context, v *view, r *changeRequest) (pack.Record, error) {
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
