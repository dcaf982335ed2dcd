package trust_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// memory is a memory of verdicts that counts how often it was asked for
// statements.
type memory struct {
	*trust.Verdicts
	gathered int
	have     []trust.Statement
}

func (m *memory) allowed(t *testing.T, p *trust.Policy, s trust.Subject, at time.Time) bool {
	t.Helper()
	v, err := m.Check(p, s, at, func() ([]trust.Statement, error) { m.gathered++; return m.have, nil })
	must(t, err)
	return v.Allowed
}

// TestVerdicts asks the same again, and then what differs in one thing.
func TestVerdicts(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	s := asks("acme/dev", "v1")
	m := &memory{Verdicts: trust.NewVerdicts(100)}
	for range 3 {
		if m.allowed(t, p, s, now) {
			t.Fatal("allowed without a claim")
		}
	}
	if m.gathered != 3 {
		t.Errorf("a denial was remembered: gathered %d times", m.gathered)
	}
	m.have, m.gathered = []trust.Statement{claim(c.ci, "acme/dev", "v1")}, 0
	for range 3 {
		if !m.allowed(t, p, s, now) {
			t.Fatal("denied with a claim")
		}
	}
	if m.gathered != 1 {
		t.Errorf("what was allowed was not remembered: gathered %d times", m.gathered)
	}
	m.have = nil // from here on only what is remembered is allowed
	other, about := s, manifest("it").Digest
	other.Manifest = manifest("other")
	refers, typed := s, s
	refers.SubjectOf, typed.ArtifactType = &about, "a/b"
	for name, try := range map[string]struct {
		policy  *trust.Policy
		subject trust.Subject
		at      time.Time
	}{
		"another tag":            {p, asks("acme/dev", "v2"), now},
		"no tag":                 {p, asks("acme/dev", ""), now},
		"another repository":     {p, asks("acme/dev/x", "v1"), now},
		"another artifact":       {p, other, now},
		"a subject":              {p, refers, now},
		"another type":           {p, typed, now},
		"the next policy":        {next(t, p, with(c.document(t), object{"epoch": 2}), c.root), s, now},
		"a delegated policy":     {next(t, p, c.team(2, c.eves("acme/team")), c.lead), s, now},
		"another of its epoch":   {c.policy(t, with(c.document(t), object{"expires": "2027-01-02T00:00:00Z"})), s, now},
		"a revocation":           {p.Revoked(1, trust.Revocation{Key: c.ci.id()}), s, now},
		"another index":          {p.Revoked(1), s, now},
		"when the policy ended":  {p, s, later},
		"after the policy ended": {p, s, later.Add(time.Hour)},
	} {
		if m.allowed(t, try.policy, try.subject, try.at) {
			t.Errorf("%s was allowed from memory", name)
		}
	}
	if !m.allowed(t, p, s, later.Add(-time.Second)) {
		t.Error("it was forgotten")
	}
}

// TestVerdictsEnd with a key that they stand on, but not where the log shows
// what it said.
func TestVerdictsEnd(t *testing.T) {
	c := newCast(t)
	end := now.AddDate(0, 1, 0)
	all := keys(c.root, c.ci, c.bob, c.lead, c.mate)
	for _, s := range []*signer{c.ci, c.mate} {
		all[string(s.id())] = with(all[string(s.id())].(object), object{"notAfter": end.Format(time.RFC3339)})
	}
	doc := with(c.document(t), object{"keys": all, "rules": []object{{"namespace": "acme", "publish": quorum(1, c.ci, c.bob)}}})
	p := c.policy(t, doc)
	about := manifest("it").Digest
	refers := trust.Subject{Repository: "acme/dev", Manifest: manifest("sig"), ArtifactType: trust.SignatureArtifact, SubjectOf: &about}
	for name, try := range map[string]struct {
		subject  trust.Subject
		have     []trust.Statement
		outlasts bool
	}{
		"a key that ends":      {asks("acme/dev", "v1"), []trust.Statement{claim(c.ci, "acme/dev", "v1")}, false},
		"one that does not":    {asks("acme/dev", "v1"), []trust.Statement{claim(c.bob, "acme/dev", "v1")}, true},
		"logged before":        {asks("acme/dev", "v1"), []trust.Statement{logged(claim(c.ci, "acme/dev", "v1"), "acme", 3, now)}, true},
		"a referrer that ends": {refers, []trust.Statement{signature(c.mate)}, false},
		"one that was logged":  {refers, []trust.Statement{logged(signature(c.mate), "acme", 3, now)}, true},
		"one that has no end":  {refers, []trust.Statement{signature(c.bob)}, true},
	} {
		m := &memory{Verdicts: trust.NewVerdicts(2), have: try.have}
		if !m.allowed(t, p, try.subject, now) || !m.allowed(t, p, try.subject, end.Add(-time.Second)) || m.gathered != 1 {
			t.Errorf("%s: not remembered until the end", name)
		}
		m.have = nil
		if m.allowed(t, p, try.subject, end) != try.outlasts {
			t.Errorf("%s: outlasted the end: %v", name, !try.outlasts)
		}
		if m.allowed(t, p, try.subject, later) {
			t.Errorf("%s: outlasted the policy", name)
		}
	}
}

// TestVerdictsAreBounded remembers the latest of many, and those that are asked
// for again.
func TestVerdictsAreBounded(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	const most = 10
	m := &memory{Verdicts: trust.NewVerdicts(most)}
	ask := func(i int) bool {
		s := asks("acme/dev", "v1")
		s.Manifest = manifest(fmt.Sprint(i))
		st := claim(c.ci, "acme/dev", "v1")
		st.Digest = s.Manifest.Digest
		m.have = []trust.Statement{st}
		before := m.gathered
		if !m.allowed(t, p, s, now) {
			t.Fatal("denied")
		}
		return m.gathered == before
	}
	for i := range 100 {
		ask(i)
		if !ask(i) {
			t.Fatalf("%d was forgotten at once", i)
		}
		if i > 0 && !ask(0) {
			t.Fatalf("what is asked for all the time was forgotten after %d others", i)
		}
	}
	remembered := 0
	for i := 99; i >= 0; i-- {
		if !ask(i) {
			break
		}
		remembered++
	}
	if remembered < most/2-1 || remembered > most {
		t.Errorf("%d of at most %d are remembered", remembered, most)
	}
}

// TestVerdictsAdmit gives leave from memory as well, and hands on what fails.
func TestVerdictsAdmit(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	s := asks("acme/dev", "v1")
	m := trust.NewVerdicts(0)
	broken := errors.New("broken")
	fail := func() ([]trust.Statement, error) { return nil, broken }
	if _, err := m.Admit(p, s, now, fail); !errors.Is(err, broken) {
		t.Errorf("the error of gathering became %v", err)
	}
	if a, err := m.Admit(nil, s, now, fail); err != nil || !a.Covers(s.Repository, s.Tag, s.Manifest) {
		t.Errorf("without a policy: %v", err)
	}
	_, err := m.Admit(p, s, now, func() ([]trust.Statement, error) { return nil, nil })
	wantKind(t, err, fault.Denied)
	for range 2 {
		a, err := m.Admit(p, s, now, func() ([]trust.Statement, error) {
			return []trust.Statement{claim(c.ci, "acme/dev", "v1")}, nil
		})
		if err != nil || !a.Covers(s.Repository, s.Tag, s.Manifest) || a.Epoch() != 1 {
			t.Errorf("%v", err)
		}
	}
	unsigned, err := trust.ParsePolicy(encode(t, c.document(t)))
	must(t, err)
	_, err = m.Admit(unsigned, s, now, func() ([]trust.Statement, error) {
		return []trust.Statement{claim(c.ci, "acme/dev", "v1")}, nil
	})
	wantKind(t, err, fault.Denied)
}

// TestVerdictsAtOnce asks from many sides; what one caller does to its verdict
// is not seen by another.
func TestVerdictsAtOnce(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	m := trust.NewVerdicts(4)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				s := asks("acme/dev", fmt.Sprint("v", (i+n)%6))
				v, err := m.Check(p, s, now, func() ([]trust.Statement, error) {
					return []trust.Statement{claim(c.ci, s.Repository, s.Tag)}, nil
				})
				if err != nil || !v.Allowed || len(v.Outcomes) != 2 || !v.Outcomes[0].OK {
					t.Errorf("%v: %+v", err, v)
					return
				}
				v.Outcomes[0] = trust.Outcome{}
			}
		})
	}
	all.Wait()
}

// BenchmarkAdmit gives leave anew, and from memory.
func BenchmarkAdmit(b *testing.B) {
	c := newCast(b)
	p := c.policy(b, c.document(b))
	s := asks("acme/prod/app", "v1")
	have := []trust.Statement{claim(c.ci, "acme/prod/app", "v1"), claim(c.bob, "acme/prod/app", "v1"), attests(c.ci, sbom)}
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Admit(s, have, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		m := trust.NewVerdicts(16)
		for b.Loop() {
			if _, err := m.Admit(p, s, now, func() ([]trust.Statement, error) { return have, nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
