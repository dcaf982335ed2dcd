package crash_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag"
)

// state is what a repository holds: the tags of each artifact, ascending.
type state map[dag.Digest][]string

func (s state) String() string {
	var b strings.Builder
	for _, d := range slices.SortedFunc(maps.Keys(s), func(a, b dag.Digest) int { return strings.Compare(a.String(), b.String()) }) {
		fmt.Fprintf(&b, "%s %v\n", d, s[d])
	}
	return b.String()
}

func (s state) clone() state {
	c := make(state, len(s))
	for d, tags := range s {
		c[d] = slices.Clone(tags)
	}
	return c
}

// owner returns the artifact that a tag names.
func (s state) owner(tag string) (dag.Digest, bool) {
	for d, tags := range s {
		if slices.Contains(tags, tag) {
			return d, true
		}
	}
	return dag.Digest{}, false
}

// name moves a tag to d.
func (s state) name(d dag.Digest, tag string) {
	if from, ok := s.owner(tag); ok {
		s[from] = slices.DeleteFunc(s[from], func(t string) bool { return t == tag })
	}
	s[d] = append(s[d], tag)
	slices.Sort(s[d])
}

// after returns the state that an operation makes of s; ok is false where the
// operation is refused.
func (s state) after(o op) (next state, ok bool) {
	next = s.clone()
	_, have := next[o.digest]
	switch o.verb {
	case "put":
		if !have {
			next[o.digest] = nil
		}
		if o.tag != "-" {
			next.name(o.digest, o.tag)
		}
		return next, true
	case "tag":
		if have {
			next.name(o.digest, o.tag)
		}
		return next, have
	case "remove":
		delete(next, o.digest)
		return next, have
	case "untag":
		d, named := next.owner(o.tag)
		if !named {
			return next, false
		}
		next[d] = slices.DeleteFunc(next[d], func(t string) bool { return t == o.tag })
		if len(next[d]) == 0 {
			delete(next, d)
		}
		return next, true
	}
	return next, o.verb == "collect"
}

// history is what a repository may hold, going by what was said of it. What
// was acknowledged has happened. What was begun when the process was killed
// may have, so that each kill can double the states that are possible.
type history struct {
	possible []state
	pending  *op
	acked    int
	logged   int // of which, all but collections, there must be an event
}

func newHistory() *history { return &history{possible: []state{{}}} }

func (h *history) try(o op) error {
	if h.pending != nil {
		return fmt.Errorf("%q begins before %q has ended", o.line(), h.pending.line())
	}
	h.pending = &o
	return nil
}

func (h *history) acknowledge(o op) error {
	if h.pending == nil || h.pending.line() != o.line() {
		return fmt.Errorf("%q is acknowledged and was not begun", o.line())
	}
	h.pending = nil
	h.acked++
	if o.verb != "collect" {
		h.logged++
	}
	before := h.possible
	h.possible = nil
	for _, s := range before {
		if next, ok := s.after(o); ok {
			h.possible = append(h.possible, next)
		}
	}
	if len(h.possible) == 0 {
		return fmt.Errorf("%q is acknowledged, and possible in none of\n%v", o.line(), before)
	}
	return nil
}

// killed takes into account what was being done.
func (h *history) killed() {
	if h.pending == nil {
		return
	}
	for _, s := range h.possible {
		if next, ok := s.after(*h.pending); ok {
			h.possible = append(h.possible, next)
		}
	}
	h.pending = nil
}

// found compares with what is there, from which history goes on.
func (h *history) found(s state) error {
	if !slices.ContainsFunc(h.possible, func(p state) bool { return p.String() == s.String() }) {
		return fmt.Errorf("it holds\n%vpossible is\n%v", s, h.possible)
	}
	h.possible = []state{s}
	return nil
}
