package node

import (
	"context"
	"slices"
	"sync"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

// maxVerdicts is how many verdicts are remembered.
const maxVerdicts = 4096

// gate asks the policy in force, and remembers what it said.
type gate struct {
	verdicts *trust.Verdicts

	mu     sync.Mutex // guards all below
	policy *trust.Policy
}

// policy returns the policy in force, as the node's log has it, with the keys
// that the log revoked; nil where there is none.
func (n *Node) policy(ctx context.Context) (*trust.Policy, error) {
	at, err := n.store.Position(ctx)
	if err != nil || at.Epoch == 0 {
		return nil, err
	}
	n.gate.mu.Lock()
	defer n.gate.mu.Unlock()
	if p := n.gate.policy; p != nil && p.Epoch() == at.Epoch && p.Revocations() == at.Revocation {
		return p, nil
	}
	p, err := n.chain(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Other, "read policy", "", err)
	}
	known, err := n.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var revoked []trust.Revocation
	for _, k := range known {
		if !k.Revoked.IsZero() {
			revoked = append(revoked, trust.Revocation{Key: trust.KeyID(k.ID), From: k.From})
		}
	}
	n.gate.policy = p.Revoked(at.Revocation, revoked...)
	return n.gate.policy, nil
}

// chain follows the policies that were set, from the first to the last.
func (n *Node) chain(ctx context.Context) (p *trust.Policy, err error) {
	set, err := n.store.Policies(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range set {
		if i == 0 {
			p, err = trust.First(s.Envelope)
		} else {
			p, err = p.Next(s.Envelope)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// admit asks the policy that is in force whether pub may be published, and
// returns what its answer rests on.
func (n *Node) admit(ctx context.Context, pub store.Publication) (trust.Admission, uint64, error) {
	p, err := n.policy(ctx)
	if err != nil {
		return trust.Admission{}, 0, err
	}
	adm, err := n.gate.verdicts.Admit(p, subject(pub), n.now(), func() ([]trust.Statement, error) {
		return n.statements(ctx, p, pub)
	})
	return adm, adm.Revocations(), err
}

func subject(p store.Publication) trust.Subject {
	return trust.Subject{
		Repository: p.Repository, Tag: p.Tag, Manifest: p.Manifest, ArtifactType: p.ArtifactType, SubjectOf: p.Subject,
	}
}

// statements are what keys of the policy have said of what is to be published,
// wherever in this store it was signed; of a signature, what it says itself.
func (n *Node) statements(ctx context.Context, p *trust.Policy, pub store.Publication) ([]trust.Statement, error) {
	v := verifier{n: n}
	for _, k := range p.Keys() {
		v.keys = append(v.keys, k.Key)
	}
	if s := subject(pub); s.SubjectOf != nil && pub.Signature {
		return n.ownStatements(ctx, v, pub)
	}
	var err error
	if v.block, err = n.store.Get(ctx, pub.Manifest); err != nil {
		return nil, err
	}
	repositories, err := n.store.Repositories(ctx, pub.Manifest.Digest)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(repositories, pub.Repository) {
		repositories = append(repositories, pub.Repository)
	}
	var all []trust.Statement
	for _, repository := range repositories {
		found, err := n.store.Referrers(ctx, repository, pub.Manifest.Digest)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !f.Signature {
				continue
			}
			signatures, err := v.referrer(ctx, f)
			if err != nil {
				return nil, err
			}
			all = append(all, counting(signatures)...)
		}
	}
	return all, nil
}

// ownStatements are what a signature says that is about to be published: no log
// has it yet.
func (n *Node) ownStatements(ctx context.Context, v verifier, pub store.Publication) (all []trust.Statement, err error) {
	if v.block, err = n.store.Get(ctx, dag.CID{Codec: dag.Cbor, Digest: *pub.Subject}); err != nil {
		return nil, err
	}
	signatures, err := v.referrer(ctx, Artifact{Repository: pub.Repository, Manifest: pub.Manifest})
	for _, st := range counting(signatures) {
		st.Logged, st.Namespace, st.Index, st.Time = false, "", 0, n.now()
		all = append(all, st)
	}
	return all, err
}

// counting are the statements of the signatures that were verified.
func counting(signatures []Signature) (all []trust.Statement) {
	for _, s := range signatures {
		if s.Why == "" {
			all = append(all, s.Statement)
		}
	}
	return all
}
