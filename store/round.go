package store

import (
	"context"
	"io"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// round is what the sequencer plans at once: it becomes durable, and visible,
// together.
type round struct {
	s       *Store
	v       *view
	records []pack.Record
	bytes   int // of the records
	rows    int // that follow from them, with tiles and heads, at the most
	size    int // of those rows, in bytes
	planned []*proposal
}

// runRound plans proposals one upon the other, makes those that are not refused
// durable, and answers each. What no longer fits waits for the next round.
func (s *Store) runRound(ctx context.Context, queue []*proposal) {
	if alone := queue[0].alone; alone != nil {
		s.events.back(queue[1:])
		queue[0].end(alone(ctx))
		return
	}
	v, err := newView(ctx, s.meta)
	if err == nil {
		err = s.mayAppend(v.mark)
	}
	if err != nil {
		for _, p := range queue {
			p.end(err)
		}
		return
	}
	r := &round{s: s, v: v}
	for i, p := range queue {
		if p.alone != nil {
			s.events.back(queue[i:])
			break
		}
		full, refused := r.plan(ctx, p)
		if full {
			s.events.back(queue[i:])
			break
		}
		if refused != nil {
			p.end(refused)
			continue
		}
		r.planned = append(r.planned, p)
	}
	err = r.commit(ctx)
	for _, p := range r.planned {
		p.end(err)
	}
}

// commit makes the round durable, and then the mark.
func (r *round) commit(ctx context.Context) error {
	if len(r.records) == 0 {
		return nil
	}
	if err := r.v.heads(r.s.opt.Checkpoints); err != nil {
		return err
	}
	g, err := r.s.appender.addRound(ctx, r.s.stopped, r.records, r.v.all())
	if err != nil {
		return err
	}
	<-g.indexed.done // the writer and the indexer end every group
	if g.indexed.err == nil {
		r.s.remember(r.v.mark)
	}
	return g.indexed.err
}

// remember notes outside the store how far it has come. That it cannot be noted
// is no reason to deny what is durable.
func (s *Store) remember(m Mark) {
	if s.opt.Watermark == nil {
		return
	}
	if err := s.opt.Watermark.Save(m); err != nil {
		s.opt.Log.Warn("how far the store has come is not kept outside of it", "error", err)
	}
}

// plan makes events of a proposal and lays them over the view: what it asks for,
// and before that what it takes, as the claim of a namespace. What is refused,
// or has no room, leaves all as it was.
func (r *round) plan(ctx context.Context, p *proposal) (full bool, refused error) {
	if p.check != nil {
		if err := p.check(ctx, r.v); err != nil {
			return false, err
		}
	}
	records, err := r.propose(ctx, p)
	if err != nil {
		r.v.undo()
		return false, err
	}
	packed := make([]pack.Record, len(records))
	bytes, rows, size := 0, len(r.v.before), r.v.changed
	for i, rec := range records {
		if packed[i], err = rec.pack(); err != nil {
			r.v.undo()
			return false, err
		}
		bytes += len(packed[i].Payload)
		size += 2 * len(packed[i].Payload)
		rows += 2
		if r.v.logs[rec.Namespace].grown {
			continue
		}
		size += tileRoom
		rows += 8
	}
	if len(r.records) > 0 && (r.bytes+bytes > r.s.roundBytes() || r.rows+rows > maxViewRows || r.size+size > maxViewBytes) {
		r.v.undo()
		return true, nil
	}
	for _, rec := range records {
		if err := r.v.append(ctx, rec); err != nil {
			r.v.undo()
			return false, err
		}
	}
	r.v.keep()
	r.records = append(r.records, packed...)
	r.bytes, r.rows, r.size = r.bytes+bytes, r.rows+rows, r.size+size
	return false, nil
}

// propose makes the records of a proposal and applies their events.
func (r *round) propose(ctx context.Context, p *proposal) ([]record, error) {
	namespace := namespaceOf(p.payload.Repository)
	var records []record
	next := r.v.mark
	add := func(namespace, origin string, kind eventlog.Kind, payload eventlog.Payload) (event, error) {
		l, err := r.v.log(ctx, namespace, origin)
		if err != nil {
			return event{}, err
		}
		if l.head.Broken {
			return event{}, errBroken(l.head)
		}
		rec, e, err := r.s.makeRecord(namespace, l, kind, payload)
		if err != nil {
			return event{}, err
		}
		rec.Sequence = next.Sequence + 1
		next = rec.mark(next)
		records = append(records, rec)
		return e, apply(ctx, r.v, e)
	}
	if namespace != "" {
		claimed, err := r.v.get(ctx, claimKey(namespace))
		if err != nil {
			return nil, err
		}
		if claimed == nil {
			claim := eventlog.Payload{Namespace: namespace, Origin: eventlog.NamespaceOrigin(r.s.opt.Site, namespace)}
			if _, err := add("", r.s.opt.NodeOrigin, eventlog.NamespaceClaimed, claim); err != nil {
				return nil, err
			}
		}
	}
	if p.kind == eventlog.KeyRevoked {
		var err error
		if p.payload.From, err = r.v.sizes(ctx); err != nil {
			return nil, err
		}
	}
	origin := r.s.opt.NodeOrigin
	if namespace != "" {
		origin = eventlog.NamespaceOrigin(r.s.opt.Site, namespace)
	}
	var err error
	p.event, err = add(namespace, origin, p.kind, p.payload)
	return records, err
}

func (s *Store) makeRecord(namespace string, l *openLog, kind eventlog.Kind, payload eventlog.Payload) (record, event, error) {
	var salt [32]byte
	if _, err := io.ReadFull(s.opt.Random, salt[:]); err != nil {
		return record{}, event{}, fault.Wrap(fault.Unavailable, "append event", "", err)
	}
	at := s.opt.Now().UnixMilli()
	entry, err := eventlog.NewEntry(kind, at, salt, payload)
	if err != nil {
		return record{}, event{}, err
	}
	rec := record{
		Version: recordVersion, Namespace: namespace, Origin: l.head.Origin, Index: l.tree.Size(),
		Leaf: entry.Leaf, Salt: entry.Salt, Payload: entry.Payload,
	}
	e := event{Namespace: namespace, Index: rec.Index}
	e.Kind, e.Time, e.Payload = kind, at, payload
	return rec, e, nil
}

// mayAppend says why nothing can be appended behind have, where that is so. The
// first time it looks at the mark: who only reads leaves it to others.
func (s *Store) mayAppend(have Mark) error {
	if !s.compared {
		s.behind = compareMark(have, s.opt.Watermark)
		s.compared = !fault.Is(s.behind, fault.Unavailable)
	}
	if s.behind != nil {
		return s.behind
	}
	if _, err := s.settled(); err != nil {
		return err
	}
	if s.opt.Checkpoints == nil {
		err := fault.New(fault.Denied, "append to log", "", "the store was opened without its node's key")
		return fault.Hint(err, "bring node.key back from a backup: no other key can continue these logs")
	}
	return nil
}

func errBroken(h headRow) error {
	err := fault.New(fault.Corrupt, "append to log", h.Origin, "entries from %d on were lost; what would follow could not be proved", h.Size)
	return fault.Hint(err, "bring back the segments that are missing, then: artifact fsck --rebuild-index")
}

// roundBytes is the most that a round appends, so that it fits an empty group.
func (s *Store) roundBytes() int { return min(256<<10, s.appender.size/4) }
