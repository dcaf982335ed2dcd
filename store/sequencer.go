package store

import (
	"context"
	"sync"

	"github.com/tegwick/artifact-store/dag/eventlog"
)

// Limits of what is committed together: the rows of a round have to fit one
// transaction with the index entries of its group.
const (
	maxRound     = 1024      // proposals
	maxViewBytes = 440 << 10 // of the rows that follow from a round
	maxViewRows  = MaxBatchOps / 2
	// maxEventTags is how many tags go with an artifact in one event: at two
	// rows a tag, with the longest names, they are within maxViewBytes.
	maxEventTags = 512
)

// sequencer gives events their order. It is the only writer of logs and views,
// so that an event is planned against exactly the state that it will meet.
type sequencer struct {
	wake chan struct{} // holds one token while queue is not empty

	mu    sync.Mutex // guards all below
	queue []*proposal
	shut  bool // nothing is taken any more
}

// proposal is an event that waits for its turn.
type proposal struct {
	kind    eventlog.Kind
	payload eventlog.Payload
	// check is asked for its leave against the state before the event.
	check func(context.Context, *view) error
	// finally is called when the event is durable, or never will be; its
	// caller may have given up by then. It may be nil, as may check.
	finally func()
	// alone, where set, runs in place of an event while nothing else is planned.
	alone func(context.Context) error

	event event // once planned
	done  outcome
}

func (p *proposal) end(err error) {
	if p.finally != nil {
		p.finally()
	}
	p.done.end(err)
}

// commit makes an event of a proposal and returns when it is durable. Where ctx
// ends first, it may yet come to pass.
func (s *Store) commit(ctx context.Context, p *proposal) error {
	s.submit(p)
	return p.done.wait(ctx, s.stopped)
}

// submit queues a proposal.
func (s *Store) submit(p *proposal) {
	p.done = newOutcome()
	if !s.events.push(p) {
		p.end(errStopped("append event"))
		return
	}
	s.events.poke()
}

func (q *sequencer) push(r *proposal) bool {
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
			r.end(errStopped("append event"))
		}
	}
}

func (q *sequencer) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *sequencer) take() []*proposal {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.queue), maxRound)
	round := q.queue[:n:n]
	q.queue = q.queue[n:]
	return round
}

// back puts requests in front of the queue again.
func (q *sequencer) back(rest []*proposal) {
	q.mu.Lock()
	q.queue = append(rest[:len(rest):len(rest)], q.queue...)
	q.mu.Unlock()
}

func (s *Store) runSequencer(ctx context.Context) error {
	defer s.events.close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.events.wake:
		}
		for {
			round := s.events.take()
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
