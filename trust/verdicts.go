package trust

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/tegwick/artifact-store/dag"
)

// Verdicts remembers what was allowed, so that it is not weighed again for
// each question. A verdict is that on one artifact under one name by one state
// of the policy and its revocations; it is forgotten when the policy, or a key
// that it stands on, ends. What was denied is not remembered: a signature may
// be on its way. It is safe for concurrent use.
type Verdicts struct {
	most int // of each generation

	mu       sync.Mutex // guards what follows
	young    map[question]remembered
	outgoing map[question]remembered
}

// question is what a verdict answers.
type question struct {
	subject     Subject // without SubjectOf, which is a pointer
	refers      bool
	subjectOf   dag.Digest
	policy      [sha256.Size]byte
	revocations uint64
}

type remembered struct {
	verdict Verdict
	until   time.Time // zero: for ever
}

// NewVerdicts returns a memory of at most about n verdicts, of those that were
// asked for last.
func NewVerdicts(n int) *Verdicts {
	return &Verdicts{most: max(1, n/2), young: map[question]remembered{}}
}

// Check is [Policy.Check], but asks for the statements only where it does not
// remember the verdict. An error is that of have.
func (m *Verdicts) Check(p *Policy, s Subject, now time.Time, have func() ([]Statement, error)) (Verdict, error) {
	if p == nil {
		return p.Check(s, nil, now), nil
	}
	q := question{subject: s, policy: p.state, revocations: p.revocations}
	if q.subject.SubjectOf = nil; s.SubjectOf != nil {
		q.refers, q.subjectOf = true, *s.SubjectOf
	}
	if v, ok := m.recall(q, now); ok {
		return v, nil
	}
	statements, err := have()
	if err != nil {
		return Verdict{}, err
	}
	v, until := p.decide(s, statements, now)
	if v.Allowed {
		m.remember(q, remembered{v, until})
		v.Outcomes = slices.Clone(v.Outcomes)
	}
	return v, nil
}

// Admit is [Policy.Admit], with the verdict of [Verdicts.Check].
func (m *Verdicts) Admit(p *Policy, s Subject, now time.Time, have func() ([]Statement, error)) (Admission, error) {
	v, err := m.Check(p, s, now, have)
	if err != nil {
		return Admission{}, err
	}
	return p.admit(s, v)
}

func (m *Verdicts) recall(q question, now time.Time) (Verdict, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.young[q]
	if !ok {
		if r, ok = m.outgoing[q]; ok {
			m.put(q, r)
		}
	}
	v := r.verdict
	v.Outcomes = slices.Clone(v.Outcomes) // it is the caller's
	return v, ok && (r.until.IsZero() || now.Before(r.until))
}

func (m *Verdicts) remember(q question, r remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(q, r)
}

// put keeps a verdict. Where the young are as many as may be, they become the
// outgoing, and those that were it are forgotten. mu is held.
func (m *Verdicts) put(q question, r remembered) {
	if len(m.young) >= m.most {
		m.young, m.outgoing = make(map[question]remembered, m.most), m.young
	}
	m.young[q] = r
}
