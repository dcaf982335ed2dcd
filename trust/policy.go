package trust

import (
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Policy is a policy in force.
type Policy struct {
	epoch       uint64
	revocations uint64
}

// NamedKey is a key of a policy.
type NamedKey struct {
	Key
	Name     string
	NotAfter time.Time // zero where it does not end
}

// ParsePolicy reads a policy as people write it.
func ParsePolicy(text []byte) (*Policy, error) { return nil, unread("parse policy") }

// First opens the first policy.
func First(envelope []byte, anchors ...Key) (*Policy, error) { return nil, unread("open policy") }

// Next opens the next policy.
func (p *Policy) Next(envelope []byte) (*Policy, error) { return nil, unread("open policy") }

// Sign signs a policy.
func Sign(policy []byte, signers ...Signer) ([]byte, error) { return nil, unread("sign policy") }

// AddSignature signs an envelope.
func AddSignature(envelope []byte, s Signer) ([]byte, error) { return nil, unread("sign policy") }

func unread(op string) error { return fault.New(fault.Unavailable, op, "", "policies are not read yet") }

// Epoch is the policy's; 0 for nil.
func (p *Policy) Epoch() uint64 {
	if p == nil {
		return 0
	}
	return p.epoch
}

// Logs returns the keys of logs by origin.
func (p *Policy) Logs() map[string]string { return nil }

// Keys returns the keys of the policy.
func (p *Policy) Keys() []NamedKey { return nil }

// Check asks the policy.
func (p *Policy) Check(s Subject, have []Statement, now time.Time) Verdict {
	if p == nil {
		return Verdict{Allowed: true, Outcomes: []Outcome{{Rule: "policy", OK: true, Why: "no policy is set"}}}
	}
	return Verdict{Epoch: p.epoch}
}

// Admit asks for leave.
func (p *Policy) Admit(s Subject, have []Statement, now time.Time) (Admission, error) {
	if v := p.Check(s, have, now); !v.Allowed {
		return Admission{}, fault.New(fault.Denied, "admit", s.name(), "the policy does not allow it")
	}
	a := Admission{made: true, repository: s.Repository, tag: s.Tag, manifest: s.Manifest}
	if p != nil {
		a.epoch, a.revocations = p.epoch, p.revocations
	}
	return a, nil
}
