package trust_test

import (
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// team is a delegated policy for acme/team, of eve's key and these rules.
func (c cast) team(epoch int, rules ...object) object {
	return object{
		"version": 1, "epoch": epoch, "expires": "2026-12-01T00:00:00Z", "prefix": "acme/team",
		"keys": keys(c.eve), "rules": rules,
	}
}

// eves lets eve publish in a namespace.
func (c cast) eves(namespace string) object {
	return object{"namespace": namespace, "publish": quorum(1, c.eve)}
}

// TestDelegation hands acme/team to the lead, who lets eve publish.
func TestDelegation(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	byEve := []trust.Statement{claim(c.eve, "acme/team/app", "v1"), claim(c.eve, "acme/prod/app", "v1"), claim(c.ci, "acme/team/app", "v1")}
	if v := p.Check(asks("acme/team/app", "v1"), byEve, now); v.Allowed || !strings.Contains(why(v), "have set no policy") {
		t.Errorf("without a delegated policy: %+v", v)
	}

	q := next(t, p, c.team(2, c.eves("acme/team/app")), c.lead)
	if q.Epoch() != 2 || p.Epoch() != 1 || len(q.Keys()) != len(p.Keys())+1 {
		t.Errorf("epochs %d and %d, %d keys", p.Epoch(), q.Epoch(), len(q.Keys()))
	}
	if v := q.Check(asks("acme/team/app", "v1"), byEve, now); !v.Allowed || v.Epoch != 2 {
		t.Errorf("eve may not publish: %+v", v)
	}
	for name, s := range map[string]trust.Subject{
		"beside the prefix":          asks("acme/teams/app", "v1"),
		"in another namespace":       asks("acme/prod/app", "v1"),
		"where the delegate is mute": asks("acme/team/other", "v1"), // although ci may publish in acme
	} {
		have := []trust.Statement{claim(c.eve, s.Repository, s.Tag)}
		if s.Repository == "acme/team/other" {
			have = append(have, claim(c.ci, s.Repository, s.Tag))
		}
		if v := q.Check(s, have, now); v.Allowed {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := q.Check(asks("acme/team/app", "v1"), byEve[2:], now); v.Allowed {
		t.Errorf("ci may publish in what was delegated: %+v", v)
	}
	at := q.Expires().AddDate(0, -1, 0)
	if v := q.Check(asks("acme/team/app", "v1"), byEve, at); v.Allowed || !strings.Contains(why(v), "expired") {
		t.Errorf("after the delegated policy's end: %+v", v)
	}
}

// TestDelegationEnds takes a delegation back, in each way there is.
func TestDelegationEnds(t *testing.T) {
	c := newCast(t)
	team := next(t, c.policy(t, c.document(t)), c.team(2, c.eves("acme/team")), c.lead)
	subject, have := asks("acme/team/app", "v1"), []trust.Statement{claim(c.eve, "acme/team/app", "v1")}
	allowed := func(p *trust.Policy) bool { return p.Check(subject, have, now).Allowed }
	hand := func(to ...*signer) object {
		return object{"epoch": 3, "rules": []object{{
			"namespace": "acme", "publish": quorum(1, c.ci),
			"delegate": with(quorum(1, to...), object{"prefixes": []string{"acme/team"}}),
		}}}
	}
	again := func(change object) *trust.Policy {
		return next(t, team, with(c.document(t), change), c.root)
	}
	switch {
	case !allowed(team):
		t.Fatal("eve may not publish")
	case !allowed(again(object{"epoch": 3})):
		t.Error("a delegated policy did not outlast the roots' next")
	case !allowed(again(hand(c.lead))):
		t.Error("a delegated policy ended although the lead may still sign it")
	case allowed(again(hand(c.mate))):
		t.Error("a delegated policy outlasted its signer's say")
	case allowed(again(object{"epoch": 3, "rules": []object{{"namespace": "acme", "publish": quorum(1, c.ci)}}})):
		t.Error("a delegated policy outlasted the delegation")
	case allowed(team.Revoked(9, trust.Revocation{Key: c.lead.id(), From: map[string]uint64{"acme": 100}})):
		t.Error("a delegated policy outlasted its signer's key")
	case allowed(team.Revoked(9, trust.Revocation{Key: c.eve.id()})):
		t.Error("a key that is revoked at large counts where it was delegated")
	case !allowed(team.Revoked(9, trust.Revocation{Key: c.ci.id()})):
		t.Error("a key's revocation ended another's say")
	}
	if p := next(t, team, with(c.team(3, c.eves("acme/team")), object{"revoked": []object{{"key": c.eve.id()}}}), c.mate); allowed(p) {
		t.Error("a key that the delegated policy revokes counts")
	}
}

// TestDelegationDoesNotReturn takes a delegation back and gives it again: what
// was set under the first has to be set anew.
func TestDelegationDoesNotReturn(t *testing.T) {
	c := newCast(t)
	team := next(t, c.policy(t, c.document(t)), c.team(2, c.eves("acme/team")), c.lead)
	without := next(t, team, with(c.document(t), object{"epoch": 3, "rules": []object{{"namespace": "acme"}}}), c.root)
	if len(without.Keys()) != len(team.Keys())-1 {
		t.Errorf("%d keys after the delegation, %d with it", len(without.Keys()), len(team.Keys()))
	}
	again := next(t, without, with(c.document(t), object{"epoch": 4}), c.root)
	have := []trust.Statement{claim(c.eve, "acme/team/app", "v1")}
	if v := again.Check(asks("acme/team/app", "v1"), have, now); v.Allowed {
		t.Errorf("%+v", v)
	}
	again = next(t, again, c.team(5, c.eves("acme/team")), c.lead)
	if v := again.Check(asks("acme/team/app", "v1"), have, now); !v.Allowed {
		t.Errorf("set anew: %+v", v)
	}
}

// TestRefusedDelegations signs what the rule does not let them.
func TestRefusedDelegations(t *testing.T) {
	c := newCast(t)
	doc := c.document(t)
	p := c.policy(t, doc)
	team := c.team(2, c.eves("acme/team"))
	two := with(doc, object{"rules": []object{{
		"namespace": "acme", "delegate": with(quorum(2, c.lead, c.mate), object{"prefixes": []string{"acme/team"}}),
	}}})
	for name, try := range map[string]struct {
		policy  *trust.Policy
		doc     object
		signers []*signer
		kind    fault.Kind
	}{
		"by nobody":                {p, team, nil, fault.Denied},
		"by a publisher":           {p, team, []*signer{c.ci}, fault.Denied},
		"by the root":              {p, team, []*signer{c.root}, fault.Denied},
		"by a stranger too":        {p, team, []*signer{c.lead, c.eve}, fault.Denied},
		"by one of two":            {c.policy(t, two), team, []*signer{c.lead}, fault.Denied},
		"by one who was revoked":   {p.Revoked(1, trust.Revocation{Key: c.lead.id()}), team, []*signer{c.lead}, fault.Denied},
		"for another prefix":       {p, with(team, object{"prefix": "acme/other", "rules": nil}), []*signer{c.lead}, fault.Denied},
		"for a rule's own":         {p, with(team, object{"prefix": "acme/prod", "rules": nil}), []*signer{c.lead}, fault.Denied},
		"for a part of the prefix": {p, with(team, object{"prefix": "acme/team/a", "rules": nil}), []*signer{c.lead}, fault.Denied},
		"of the epoch in force":    {p, with(team, object{"epoch": 1}), []*signer{c.lead}, fault.Conflict},
		"of an epoch too far":      {p, with(team, object{"epoch": 3}), []*signer{c.lead}, fault.Conflict},
		"again":                    {next(t, p, team, c.lead), team, []*signer{c.lead}, fault.Conflict},
	} {
		if _, err := try.policy.Next(sign(t, try.doc, try.signers...)); !fault.Is(err, try.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := trust.First(sign(t, team, c.lead))
	wantKind(t, err, fault.Invalid)
	next(t, c.policy(t, two), team, c.mate, c.lead)
}

// why joins what a verdict says of each rule.
func why(v trust.Verdict) string {
	var all []string
	for _, o := range v.Outcomes {
		all = append(all, o.Rule+": "+o.Why)
	}
	return strings.Join(all, "; ")
}
