package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Check asks what the policy makes of a subject, given what was said of it, at
// a time, and explains each rule's outcome. What is not allowed is denied: a
// repository without a rule, a policy that expired.
//
// To publish takes claims for this very name by as many distinct keys as the
// rule asks for; each attestation that it asks for takes as many of its own.
// What only vouches for another artifact takes one statement about that one by
// any key of the policy. A key counts that is neither past its end nor revoked;
// for what it said before either, where the log of the subject's namespace
// shows it.
func (p *Policy) Check(s Subject, have []Statement, now time.Time) Verdict {
	v, _ := p.decide(s, have, now)
	return v
}

// Admit gives leave to publish what the policy allows. What it does not allow
// is [fault.Denied], with each rule that failed, and so is everything under a
// policy that is not signed ([ParsePolicy]).
func (p *Policy) Admit(s Subject, have []Statement, now time.Time) (Admission, error) {
	return p.admit(s, p.Check(s, have, now))
}

// admit turns a verdict of p on s into an admission.
func (p *Policy) admit(s Subject, v Verdict) (Admission, error) {
	const op = "admit"
	if p != nil && !p.signed {
		return Admission{}, fault.New(fault.Denied, op, s.name(), "the policy is not signed by its roots")
	}
	if !v.Allowed {
		err := fault.New(fault.Denied, op, s.name(), "the policy of epoch %d does not allow it: %s", v.Epoch, v.failures())
		return Admission{}, fault.Hint(err, "see what it asks for: artifact policy check %s", s.name())
	}
	return Admission{
		made: true, repository: s.Repository, tag: s.Tag, manifest: s.Manifest,
		epoch: p.Epoch(), revocations: p.Revocations(),
	}, nil
}

// decide is [Policy.Check]. A verdict that allows holds until the time it
// returns, if nothing else changes; where that is zero it has no end.
func (p *Policy) decide(s Subject, have []Statement, now time.Time) (Verdict, time.Time) {
	if p == nil {
		return Verdict{Allowed: true, Outcomes: []Outcome{{Rule: "policy", OK: true, Why: "no policy is set: everything is allowed"}}}, time.Time{}
	}
	c := &weighing{subject: s, have: have, now: now, revoked: []revocations{p.revoked, p.logged}}
	if c.named() && c.current("policy", p.root) {
		c.decide(p)
	}
	v := Verdict{Allowed: true, Epoch: p.epoch, Outcomes: c.outcomes}
	for _, o := range v.Outcomes {
		v.Allowed = v.Allowed && o.OK
	}
	return v, c.until
}

// weighing is one decision on its way.
type weighing struct {
	subject  Subject
	have     []Statement
	now      time.Time
	revoked  []revocations
	outcomes []Outcome
	until    time.Time // when the first thing ends that the outcomes stand on
}

func (c *weighing) outcome(rule string, ok bool, format string, args ...any) bool {
	c.outcomes = append(c.outcomes, Outcome{Rule: rule, OK: ok, Why: fmt.Sprintf(format, args...)})
	return ok
}

// ends notes that the outcomes stand on something that ends, unless at is zero.
func (c *weighing) ends(at time.Time) {
	if !at.IsZero() && (c.until.IsZero() || at.Before(c.until)) {
		c.until = at
	}
}

// named asks that the subject has a name that could have a rule.
func (c *weighing) named() bool {
	err := dag.ValidateRepository(c.subject.Repository)
	if err == nil && c.subject.Tag != "" {
		err = dag.ValidateTag(c.subject.Tag)
	}
	if err == nil && c.subject.Manifest.IsZero() {
		err = invalid("check", c.subject.Repository, "it names no manifest")
	}
	return err == nil || c.outcome("name", false, "%v", err)
}

// current asks that a document has not expired.
func (c *weighing) current(what string, d *document) bool {
	if !c.now.Before(d.Expires.Time) {
		return c.outcome("expiry of the "+what, false, "it expired at %s, and admits nothing since", d.Expires)
	}
	c.ends(d.Expires.Time)
	return c.outcome("expiry of the "+what, true, "it expires at %s", d.Expires)
}

// decide finds the rule that decides and asks it.
func (c *weighing) decide(p *Policy) {
	e, found := p.root.table.find(c.subject.Repository)
	doc := p.root
	if found && e.delegate != nil {
		d, ok := c.delegation(p, e)
		if !ok {
			return
		}
		doc = d.doc
		e, found = doc.table.find(c.subject.Repository)
		c.revoked = append(c.revoked, d.revoked)
	}
	switch {
	case !found:
		c.outcome("rule", false, "no rule is for %s, and what no rule allows is denied", c.subject.Repository)
	case c.subject.refers():
		c.vouching(e.prefix, doc, p.root)
	default:
		c.rule(doc, *e.rule)
	}
}

// delegation asks that there is a delegated policy for a prefix that its keys
// stand for now, and that it has not expired. Where it has not, nothing else is
// asked instead: the delegation is where the search ends.
func (c *weighing) delegation(p *Policy, e entry) (delegated, bool) {
	rule := "delegation of " + e.prefix
	d, ok := p.delegated[e.prefix]
	if !ok {
		return d, c.outcome(rule, false, "those to whom it is delegated have set no policy for it")
	}
	n, enough := e.delegate.met(p.standing(d))
	if !c.outcome(rule, enough, "its policy is signed by %d keys to whom it is delegated and that are not revoked, of %d that have to", n, e.delegate.Threshold) {
		return d, false
	}
	return d, c.current("policy delegated for "+e.prefix, d.doc)
}

// vouching asks that what vouches for another artifact does so, by a key that
// counts.
func (c *weighing) vouching(prefix string, docs ...*document) {
	about := func(st Statement) string {
		switch {
		case st.Digest != *c.subject.SubjectOf:
			return "what it said is about another artifact"
		case st.Type == Signature, st.Type == Attestation, st.Type == Claim && st.claims(c.subject):
			return ""
		}
		return "it claims another repository"
	}
	for _, d := range docs {
		for _, id := range slices.Sorted(maps.Keys(d.Keys)) {
			if why, end := c.weigh(d, id, about); why == "" {
				c.ends(end)
				c.outcome("referrer in "+prefix, true, "%s, a key of the policy, vouches for %s", d.Keys[id].Name, *c.subject.SubjectOf)
				return
			}
		}
	}
	c.outcome("referrer in "+prefix, false, "no key of the policy that is neither revoked nor past its end vouches in it for %s", *c.subject.SubjectOf)
}

// rule asks for all that a rule asks for.
func (c *weighing) rule(d *document, r rule) {
	if r.Publish == nil {
		c.outcome("publish in "+r.Namespace, false, "the rule lets nobody publish")
	} else {
		c.quorum("publish in "+r.Namespace, d, *r.Publish, c.claim)
	}
	for _, a := range r.Attestations {
		c.quorum("attestation "+a.Type, d, a.quorum, func(st Statement) string {
			switch {
			case st.Type != Attestation || st.PredicateType != a.Type:
				return silent
			case st.Digest != c.subject.Manifest.Digest:
				return "its attestation is of another artifact"
			}
			return ""
		})
	}
}

// claim tells why a statement is no claim for the name that is asked for.
func (c *weighing) claim(st Statement) string {
	switch {
	case st.Type == Signature && st.Digest == c.subject.Manifest.Digest:
		return "it signed the manifest, and did not claim this name for it"
	case st.Type != Claim:
		return silent
	case st.Digest != c.subject.Manifest.Digest:
		return "it claims the name for another artifact"
	case !st.claims(c.subject):
		return "it claims " + strings.TrimSuffix(st.Repository+":"+st.Tag, ":") + ", which is another name"
	}
	return ""
}
