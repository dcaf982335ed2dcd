package trust_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// TestPublish asks who may publish what under which name.
func TestPublish(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	dev, prod := asks("acme/dev/app", "v1"), asks("acme/prod/app", "v1")
	both := []trust.Statement{claim(c.ci, "acme/prod/app", "v1"), claim(c.bob, "acme/prod/app", "v1"), attests(c.ci, sbom)}
	but := func(i int, change func(st *trust.Statement)) []trust.Statement {
		list := slices.Clone(both)
		change(&list[i])
		return list
	}
	other := manifest("other").Digest
	for name, try := range map[string]struct {
		subject trust.Subject
		have    []trust.Statement
		allowed bool
		why     string // said by one of the outcomes
	}{
		"a claim":                     {dev, []trust.Statement{claim(c.ci, "acme/dev/app", "v1")}, true, "1 of 1 keys: ci"},
		"nothing":                     {dev, nil, false, "ci (it said nothing of the kind)"},
		"a claim by another":          {dev, []trust.Statement{claim(c.bob, "acme/dev/app", "v1")}, false, "0 of 1 keys"},
		"a claim by a stranger":       {dev, []trust.Statement{claim(c.eve, "acme/dev/app", "v1")}, false, "0 of 1 keys"},
		"a signature":                 {dev, []trust.Statement{signature(c.ci)}, false, "did not claim this name"},
		"an attestation":              {dev, []trust.Statement{attests(c.ci, trust.ClaimType)}, false, "nothing of the kind"},
		"a statement of no type":      {dev, []trust.Statement{{Key: c.ci.id(), Digest: manifest("it").Digest, Repository: "acme/dev/app", Tag: "v1"}}, false, "nothing of the kind"},
		"a claim of another name":     {dev, []trust.Statement{claim(c.ci, "acme/dev/other", "v1")}, false, "acme/dev/other:v1, which is another name"},
		"a claim of another tag":      {dev, []trust.Statement{claim(c.ci, "acme/dev/app", "v2")}, false, "acme/dev/app:v2, which"},
		"a claim of no tag":           {dev, []trust.Statement{claim(c.ci, "acme/dev/app", "")}, false, "acme/dev/app, which"},
		"a claim of a tag, for none":  {asks("acme/dev/app", ""), []trust.Statement{claim(c.ci, "acme/dev/app", "v1")}, true, "1 of 1"},
		"a claim of none, for none":   {asks("acme/dev/app", ""), []trust.Statement{claim(c.ci, "acme/dev/app", "")}, true, "1 of 1"},
		"a claim of a shorter name":   {dev, []trust.Statement{claim(c.ci, "acme/dev", "v1")}, false, "another name"},
		"a claim among others":        {dev, []trust.Statement{claim(c.ci, "acme/x", "v1"), signature(c.ci), claim(c.ci, "acme/dev/app", "v1")}, true, "1 of 1"},
		"both":                        {prod, both, true, "2 of 2 keys: ci, bob"},
		"one of two":                  {prod, slices.Delete(slices.Clone(both), 1, 2), false, "1 of 2 keys: ci; not counted: bob"},
		"one of two, twice":           {prod, but(1, func(st *trust.Statement) { st.Key = c.ci.id() }), false, "1 of 2 keys"},
		"no attestation":              {prod, both[:2], false, "0 of 1 keys"},
		"one by another":              {prod, but(2, func(st *trust.Statement) { st.Key = c.bob.id() }), false, "0 of 1 keys"},
		"one of another type":         {prod, but(2, func(st *trust.Statement) { st.PredicateType += "x" }), false, "nothing of the kind"},
		"one of another artifact":     {prod, but(2, func(st *trust.Statement) { st.Digest = other }), false, "of another artifact"},
		"a claim of another artifact": {prod, but(0, func(st *trust.Statement) { st.Digest = other }), false, "for another artifact"},
		"the half of an element":      {asks("acme/production", "v1"), []trust.Statement{claim(c.ci, "acme/production", "v1")}, true, "in acme:"},
		"where nobody may":            {asks("acme/frozen/x", "v1"), []trust.Statement{claim(c.ci, "acme/frozen/x", "v1")}, false, "lets nobody"},
		"where no rule is":            {asks("other/app", "v1"), []trust.Statement{claim(c.ci, "other/app", "v1")}, false, "no rule is for other/app"},
		"a namespace like another":    {asks("acme2/app", "v1"), []trust.Statement{claim(c.ci, "acme2/app", "v1")}, false, "no rule"},
		"no repository":               {asks("", ""), nil, false, "parse repository"},
		"a bad repository":            {asks("acme/../x", "v1"), []trust.Statement{claim(c.ci, "acme/../x", "v1")}, false, "made of"},
		"a bad tag":                   {asks("acme/dev/app", "-"), []trust.Statement{claim(c.ci, "acme/dev/app", "-")}, false, "a tag is"},
		"no manifest":                 {trust.Subject{Repository: "acme/dev/app"}, nil, false, "no manifest"},
	} {
		v := p.Check(try.subject, try.have, now)
		if v.Allowed != try.allowed || v.Epoch != 1 || !strings.Contains(why(v), try.why) {
			t.Errorf("%s: %+v", name, v)
		}
		a, err := p.Admit(try.subject, try.have, now)
		if (err == nil) != try.allowed || a.Covers(try.subject.Repository, try.subject.Tag, try.subject.Manifest) != try.allowed {
			t.Errorf("%s: admitted with %v", name, err)
		}
		if !try.allowed && (!fault.Is(err, fault.Denied) || !strings.Contains(fault.HintOf(err), "artifact policy check")) {
			t.Errorf("%s: the error is %v, the hint %q", name, err, fault.HintOf(err))
		}
	}
}

// TestReferrers asks who may attach what to an artifact.
func TestReferrers(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	team := next(t, p, c.team(2, c.eves("acme/team")), c.lead)
	about := manifest("it").Digest
	referrer := func(repository, tag, artifactType string) trust.Subject {
		return trust.Subject{Repository: repository, Tag: tag, Manifest: manifest("signature"), ArtifactType: artifactType, SubjectOf: &about}
	}
	usual := referrer("acme/prod/app", "", trust.SignatureArtifact)
	none := usual
	none.SubjectOf = nil
	of := func(digest dag.Digest) []trust.Statement {
		st := signature(c.mate)
		st.Digest = digest
		return []trust.Statement{st}
	}
	for name, try := range map[string]struct {
		policy  *trust.Policy
		subject trust.Subject
		have    []trust.Statement
		at      time.Time
		allowed bool
	}{
		"a signature":                  {p, usual, []trust.Statement{signature(c.mate)}, now, true},
		"an attestation":               {p, referrer("acme/prod/app", "", trust.AttestationArtifact), []trust.Statement{attests(c.bob, "a:b")}, now, true},
		"a claim":                      {p, usual, []trust.Statement{claim(c.ci, "acme/prod/app", "v1")}, now, true},
		"a claim of another name":      {p, usual, []trust.Statement{claim(c.ci, "acme/prod/other", "v1")}, now, false},
		"by a stranger":                {p, usual, []trust.Statement{signature(c.eve)}, now, false},
		"by nobody":                    {p, usual, nil, now, false},
		"of another artifact":          {p, usual, of(manifest("other").Digest), now, false},
		"of itself":                    {p, usual, of(manifest("signature").Digest), now, false},
		"without a subject":            {p, none, []trust.Statement{signature(c.ci)}, now, false},
		"of no type":                   {p, usual, []trust.Statement{{Key: c.ci.id(), Digest: about}}, now, false},
		"under a tag":                  {p, referrer("acme/prod/app", "v1", trust.SignatureArtifact), []trust.Statement{signature(c.ci)}, now, false},
		"of another artifact type":     {p, referrer("acme/prod/app", "", "application/spdx+json"), []trust.Statement{signature(c.ci)}, now, false},
		"where no rule is":             {p, referrer("other/app", "", trust.SignatureArtifact), []trust.Statement{signature(c.ci)}, now, false},
		"after the policy's end":       {p, usual, []trust.Statement{signature(c.ci)}, later, false},
		"a revoked key's":              {p.Revoked(1, trust.Revocation{Key: c.mate.id()}), usual, []trust.Statement{signature(c.mate)}, now, false},
		"a delegate's, beside":         {team, usual, []trust.Statement{signature(c.eve)}, now, false},
		"a delegate's":                 {team, referrer("acme/team/app", "", trust.SignatureArtifact), []trust.Statement{signature(c.eve)}, now, true},
		"the roots' in what is handed": {team, referrer("acme/team/app", "", trust.SignatureArtifact), []trust.Statement{signature(c.ci)}, now, true},
	} {
		if v := try.policy.Check(try.subject, try.have, try.at); v.Allowed != try.allowed {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestExpiry asks on both sides of the policy's end.
func TestExpiry(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	have := []trust.Statement{logged(claim(c.ci, "acme/dev", "v1"), "acme", 3, now)}
	for at, allowed := range map[time.Time]bool{
		now: true, later.Add(-time.Second): true, later: false, later.Add(time.Hour): false, later.AddDate(9, 0, 0): false,
	} {
		v := p.Check(asks("acme/dev", "v1"), have, at)
		if v.Allowed != allowed || !allowed && !strings.Contains(why(v), "expired at "+expires) {
			t.Errorf("at %s: %+v", at, v)
		}
	}
}

// TestEndedKeys asks for what a key said that ends.
func TestEndedKeys(t *testing.T) {
	c := newCast(t)
	doc := c.document(t)
	end := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	all := keys(c.root, c.ci, c.bob, c.lead, c.mate)
	all[string(c.ci.id())] = with(all[string(c.ci.id())].(object), object{"notAfter": "2026-07-01T00:00:00Z"})
	p := c.policy(t, with(doc, object{"keys": all}))
	said := claim(c.ci, "acme/dev", "v1")
	for name, try := range map[string]struct {
		st      trust.Statement
		at      time.Time
		allowed bool
	}{
		"now, before":                       {said, end.Add(-time.Second), true},
		"now, at the end":                   {said, end, false},
		"now, after":                        {said, end.Add(time.Hour), false},
		"logged before, asked after":        {logged(said, "acme", 9, end.Add(-time.Second)), end.Add(time.Hour), true},
		"logged at the end":                 {logged(said, "acme", 9, end), end.Add(time.Hour), false},
		"logged after":                      {logged(said, "acme", 9, end.Add(time.Second)), end.Add(time.Hour), false},
		"logged before in another log":      {logged(said, "other", 9, end.Add(-time.Hour)), end.Add(time.Hour), false},
		"logged in another log, asked then": {logged(said, "other", 9, end.Add(time.Hour)), end.Add(-time.Hour), true},
		"a time and a place, not logged":    {notLogged(logged(said, "acme", 9, end.Add(-time.Hour))), end.Add(time.Hour), false},
	} {
		if v := p.Check(asks("acme/dev", "v1"), []trust.Statement{try.st}, try.at); v.Allowed != try.allowed {
			t.Errorf("%s: %+v", name, v)
		}
	}
	many := []trust.Statement{logged(said, "acme", 10, end), said, logged(said, "acme", 9, end.Add(-time.Hour))}
	if v := p.Check(asks("acme/dev", "v1"), many, end.Add(time.Hour)); !v.Allowed {
		t.Errorf("one that counts among others: %+v", v)
	}
}

func notLogged(st trust.Statement) trust.Statement {
	st.Logged = false
	return st
}

// TestRevokedKeys asks for what a key said that was revoked, in the policy, in
// the log, and in both.
func TestRevokedKeys(t *testing.T) {
	c := newCast(t)
	said := claim(c.ci, "acme/dev", "v1")
	revoke := func(from map[string]uint64) trust.Revocation { return trust.Revocation{Key: c.ci.id(), From: from} }
	for name, try := range map[string]struct {
		policy, log []trust.Revocation
		st          trust.Statement
		allowed     bool
	}{
		"not revoked":                    {nil, nil, said, true},
		"another key":                    {nil, []trust.Revocation{{Key: c.bob.id()}}, said, true},
		"not logged":                     {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, nil, said, false},
		"a place, not logged":            {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, nil, notLogged(logged(said, "acme", 1, now)), false},
		"the last below":                 {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, nil, logged(said, "acme", 119, now), true},
		"the first not below":            {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, nil, logged(said, "acme", 120, now), false},
		"far beyond":                     {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, nil, logged(said, "acme", 1<<40, now), false},
		"from the first on":              {[]trust.Revocation{revoke(map[string]uint64{"acme": 0})}, nil, logged(said, "acme", 0, now), false},
		"the namespace is not listed":    {[]trust.Revocation{revoke(map[string]uint64{"other": 120})}, nil, logged(said, "acme", 1, now), false},
		"nothing is listed":              {[]trust.Revocation{revoke(nil)}, nil, logged(said, "acme", 1, now), false},
		"below, in another log":          {[]trust.Revocation{revoke(map[string]uint64{"acme": 120, "other": 120})}, nil, logged(said, "other", 1, now), false},
		"by the log, below":              {nil, []trust.Revocation{revoke(map[string]uint64{"acme": 120})}, logged(said, "acme", 119, now), true},
		"by the log, not below":          {nil, []trust.Revocation{revoke(map[string]uint64{"acme": 120})}, logged(said, "acme", 120, now), false},
		"by both, below one":             {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, []trust.Revocation{revoke(map[string]uint64{"acme": 50})}, logged(said, "acme", 70, now), false},
		"by both, below both":            {[]trust.Revocation{revoke(map[string]uint64{"acme": 120})}, []trust.Revocation{revoke(map[string]uint64{"acme": 50})}, logged(said, "acme", 49, now), true},
		"twice by the log, below both":   {nil, []trust.Revocation{revoke(map[string]uint64{"acme": 9}), revoke(map[string]uint64{"acme": 7, "b": 1})}, logged(said, "acme", 6, now), true},
		"twice by the log, below one":    {nil, []trust.Revocation{revoke(map[string]uint64{"acme": 9}), revoke(map[string]uint64{"acme": 7})}, logged(said, "acme", 8, now), false},
		"twice by the log, listed once":  {nil, []trust.Revocation{revoke(map[string]uint64{"acme": 9}), revoke(nil)}, logged(said, "acme", 1, now), false},
		"twice by the log, listed first": {nil, []trust.Revocation{revoke(nil), revoke(map[string]uint64{"acme": 9})}, logged(said, "acme", 1, now), false},
	} {
		doc := c.document(t)
		if try.policy != nil {
			doc["revoked"] = try.policy
		}
		p := c.policy(t, doc)
		q := p.Revoked(77, try.log...)
		if v := q.Check(asks("acme/dev", "v1"), []trust.Statement{try.st}, now); v.Allowed != try.allowed {
			t.Errorf("%s: %+v", name, v)
		}
		if p.Revocations() != 0 || q.Revocations() != 77 {
			t.Errorf("%s: indices %d and %d", name, p.Revocations(), q.Revocations())
		}
		// What the log revoked stays so under the next policy.
		after := next(t, q, with(c.document(t), object{"epoch": 2, "revoked": nil}), c.root)
		if v := after.Check(asks("acme/dev", "v1"), []trust.Statement{try.st}, now); try.policy == nil && v.Allowed != try.allowed || after.Revocations() != 77 {
			t.Errorf("%s, under the next policy: %+v", name, v)
		}
	}
}
