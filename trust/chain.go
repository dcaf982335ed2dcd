package trust

import (
	"crypto/sha256"
	"maps"

	"github.com/tegwick/artifact-store/dag/fault"
)

// First opens the policy with which a chain begins: signed by as many of its
// own roots as it asks for, and by each of the anchors, which whoever calls has
// from somewhere else. Without anchors it proves only that it is whole.
//
// A signature that is not what it says is [fault.Corrupt]; too few, one of a
// key that is no root, or none of an anchor [fault.Denied]; what is not in
// canonical form or contradicts itself [fault.Invalid]; too long
// [fault.TooLarge].
func First(signed []byte, anchors ...Key) (*Policy, error) {
	const op = "open first policy"
	e, d, err := openEnvelope(op, signed)
	if err != nil {
		return nil, err
	}
	if d.Prefix != "" {
		return nil, invalid(op, d.Prefix, "a chain begins with a policy of the roots, not with a delegated one")
	}
	signers, err := e.signers(op, d.authorities(*d.Roots))
	if err != nil {
		return nil, err
	}
	if err := d.Roots.require(op, "its roots", signers); err != nil {
		return nil, err
	}
	for _, a := range anchors {
		if !signers[a.ID] {
			return nil, fault.New(fault.Denied, op, string(a.ID), "this key, which is to be trusted, has not signed it")
		}
	}
	p := newPolicy(d, sha256.Sum256(signed))
	p.signed = true
	return p, nil
}

// Next opens the policy that follows p: one of the roots, signed by as many of
// p's roots as p asks for and by as many of its own as it asks for itself (TUF
// 1.0.32, section 5.3.4); or a delegated one, signed as p's rule asks. Its epoch
// is that of p and one: nothing in the chain is left out, nor set twice.
//
// Another epoch is [fault.Conflict]; other errors are those of [First].
func (p *Policy) Next(signed []byte) (*Policy, error) {
	const op = "open next policy"
	if p == nil || !p.signed {
		return nil, fault.New(fault.Conflict, op, "", "it follows no signed policy")
	}
	e, d, err := openEnvelope(op, signed)
	if err != nil {
		return nil, err
	}
	if d.Epoch != p.epoch+1 {
		err := fault.New(fault.Conflict, op, "", "its epoch is %d, and that in force %d", d.Epoch, p.epoch)
		return nil, fault.Hint(err, "set its epoch to %d and have it signed again", p.epoch+1)
	}
	var q *Policy
	if d.Prefix == "" {
		q, err = p.nextRoot(op, e, d)
	} else {
		q, err = p.nextDelegated(op, e, d)
	}
	if err != nil {
		return nil, err
	}
	q.signed = true
	q.state = sha256.Sum256(append(p.state[:], signed...))
	return q, nil
}

func (p *Policy) nextRoot(op string, e *envelope, d *document) (*Policy, error) {
	may := d.authorities(*d.Roots)
	maps.Copy(may, p.root.authorities(*p.root.Roots))
	signers, err := e.signers(op, may)
	if err != nil {
		return nil, err
	}
	if err := p.root.Roots.require(op, "the roots before it", signers); err != nil {
		return nil, err
	}
	if err := d.Roots.require(op, "its roots", signers); err != nil {
		return nil, err
	}
	q := newPolicy(d, p.state)
	q.logged, q.revocations = p.logged, p.revocations
	// Whether the keys that signed a delegated policy still may is asked
	// whenever it is used.
	q.delegated = maps.Clone(p.delegated)
	maps.DeleteFunc(q.delegated, func(prefix string, _ delegated) bool { return d.table[prefix].delegate == nil })
	return q, nil
}

func (p *Policy) nextDelegated(op string, e *envelope, d *document) (*Policy, error) {
	by := p.root.table[d.Prefix].delegate
	if by == nil {
		return nil, fault.New(fault.Denied, op, d.Prefix, "no rule delegates this prefix")
	}
	signers, err := e.signers(op, p.root.authorities(by.quorum))
	if err != nil {
		return nil, err
	}
	q := *p
	q.epoch = d.Epoch
	q.delegated = maps.Clone(p.delegated)
	if q.delegated == nil {
		q.delegated = map[string]delegated{}
	}
	given := delegated{d, signers, revocations(nil).and(d.Revoked)}
	q.delegated[d.Prefix] = given
	return &q, by.require(op, "the keys to which it is delegated", q.standing(given))
}

// standing returns who signed a delegated policy and is not revoked.
func (p *Policy) standing(d delegated) map[KeyID]bool {
	signers := maps.Clone(d.signers)
	maps.DeleteFunc(signers, func(id KeyID, _ bool) bool { return p.revoked.has(id) || p.logged.has(id) })
	return signers
}

// authorities returns the keys of a quorum that signs policies.
func (d *document) authorities(q quorum) map[KeyID]Key {
	keys := make(map[KeyID]Key, len(q.Keys))
	for _, id := range q.Keys {
		keys[id] = d.Keys[id].key
	}
	return keys
}

// require asks that enough keys of the quorum have signed.
func (q quorum) require(op, whose string, signers map[KeyID]bool) error {
	n, enough := q.met(signers)
	if enough {
		return nil
	}
	err := fault.New(fault.Denied, op, "", "%d of %s have signed it, where %d have to", n, whose, q.Threshold)
	return fault.Hint(err, "add the signatures that are missing")
}
