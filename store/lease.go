package store

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Lease protects blocks from collection between the time when they are
// received and the time when a published artifact refers to them. It is safe
// for concurrent use. It lives in memory: what a crash leaves unpublished is
// collected.
type Lease struct {
	s *Store
	// horizon is the first segment that may hold what was written since the
	// lease began. From there on collection takes nothing while it is active;
	// below it the lease has to remember what it relies on.
	horizon uint64

	mu       sync.Mutex              // guards all below
	touched  slotSet                 // below the horizon
	nodes    map[dag.Digest]struct{} // dag-cbor blocks that are here with all they link to
	groups   []*group                // written to and not known to be durable
	released bool
	pins     int // publications under way: the lease protects until they have ended
}

// maxNodes bounds what a lease remembers of nodes. Beyond it they are walked
// again.
const maxNodes = 1 << 20

// leaseTable holds the active leases, and what those released during a
// collection had relied on: the collection may have begun before they ended.
type leaseTable struct {
	mu         sync.Mutex // guards all below, and Lease.released and pins with Lease.mu
	active     map[*Lease]struct{}
	collecting bool
	ended      []*Lease // released since the collection began
}

// Begin returns a new lease. It must be released.
func (s *Store) Begin() *Lease {
	l := &Lease{s: s, touched: make(slotSet), nodes: make(map[dag.Digest]struct{})}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	l.horizon = s.segments.horizon()
	s.leases.active[l] = struct{}{}
	return l
}

// Release ends the protection, once a publication that is under way has ended.
// Releasing again does nothing.
func (l *Lease) Release() {
	l.s.leases.change(l, func() { l.released = true })
}

// pin keeps the lease's protection until unpin, whatever becomes of whoever
// holds the lease. A lease that was released is [fault.Conflict].
func (l *Lease) pin(op string) (err error) {
	l.s.leases.change(l, func() {
		if l.released {
			err = errReleased(op)
			return
		}
		l.pins++
	})
	return err
}

func (l *Lease) unpin() {
	l.s.leases.change(l, func() { l.pins-- })
}

// change changes how l is held. It ends with the last hold.
func (t *leaseTable) change(l *Lease, how func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	how()
	if _, active := t.active[l]; !active || !l.released || l.pins > 0 {
		return
	}
	delete(t.active, l)
	if t.collecting {
		t.ended = append(t.ended, l)
	}
}

// touch makes the lease rely on the block at loc.
func (l *Lease) touch(loc pack.Location) {
	if loc.Segment >= l.horizon {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.touched.add(loc.Segment, loc.Slot)
}

// joined notes that the lease has a block in g.
func (l *Lease) joined(g *group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.groups); n > 0 && l.groups[n-1] == g {
		return
	}
	l.groups = slices.DeleteFunc(l.groups, func(old *group) bool { return old == g || old.durable.succeeded() })
	l.groups = append(l.groups, g)
}

// hold notes that a dag-cbor block is here with all that it links to.
func (l *Lease) hold(d dag.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.nodes) >= maxNodes {
		clear(l.nodes)
	}
	l.nodes[d] = struct{}{}
}

// failed returns why some of what was received is nowhere, or nil.
func (l *Lease) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.groups {
		if err := g.durable.failure(); err != nil {
			return err
		}
	}
	return nil
}

// Flush returns when all that was received is durable. Its error says that
// some of it is not: nothing that relies on it may be published.
func (l *Lease) Flush(ctx context.Context) error {
	l.mu.Lock()
	groups := append([]*group(nil), l.groups...)
	l.mu.Unlock()
	for _, g := range groups {
		l.s.appender.push(g)
		if err := g.durable.wait(ctx, l.s.stopped); err != nil {
			return err
		}
	}
	return nil
}

// relied returns what the leases rely on that were active since the collection
// began: slots below horizon, and everything from there on. The barrier must be
// held for writing, so that none comes to rely on more.
func (t *leaseTable) relied() (slots slotSet, horizon uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slots, horizon = make(slotSet), math.MaxUint64
	add := func(l *Lease) {
		l.mu.Lock()
		defer l.mu.Unlock()
		horizon = min(horizon, l.horizon)
		slots.merge(l.touched)
	}
	for l := range t.active {
		add(l)
	}
	for _, l := range t.ended {
		add(l)
	}
	return slots, horizon
}

// horizon returns the first segment in which collection takes nothing now.
func (t *leaseTable) horizon() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := uint64(math.MaxUint64)
	for l := range t.active {
		first = min(first, l.horizon)
	}
	for _, l := range t.ended {
		first = min(first, l.horizon)
	}
	return first
}

// watch makes the table keep leases that end until the returned function is
// called.
func (t *leaseTable) watch() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.collecting = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.collecting, t.ended = false, nil
	}
}

func (l *Lease) check(op string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return errReleased(op)
	}
	return nil
}

func errReleased(op string) error {
	return fault.New(fault.Conflict, op, "", "the lease was released")
}
