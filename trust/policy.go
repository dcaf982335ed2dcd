package trust

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"time"
)

// Policy is a policy in force: the newest document of the roots, with what it
// delegates as far as that was set. It does not change, and is safe for
// concurrent use. A nil Policy is that of a node on which none was set, and
// allows everything.
type Policy struct {
	epoch     uint64
	root      *document
	delegated map[string]delegated // by prefix
	signed    bool                 // the roots vouch for it

	revoked     revocations // by the root's document
	logged      revocations // by events, of which the last is revocations
	revocations uint64

	// state is a hash over the envelopes that led here: two policies of one
	// state come to the same verdicts.
	state [sha256.Size]byte
}

// delegated is a policy that keys of a delegation have signed.
type delegated struct {
	doc     *document
	signers map[KeyID]bool
	revoked revocations // by itself
}

// NamedKey is a key of a policy.
type NamedKey struct {
	Key
	Name     string
	NotAfter time.Time // zero where it does not end
}

// ParsePolicy reads a policy of the roots as people write it, without
// signatures, to see what it would come to: it can be asked ([Policy.Check]),
// and gives no leave. What is not well formed, has an unknown member or
// contradicts itself is [fault.Invalid], what is over a limit [fault.TooLarge].
func ParsePolicy(text []byte) (*Policy, error) {
	const op = "parse policy"
	d, err := parseDocument(op, text)
	if err != nil {
		return nil, err
	}
	if d.Prefix != "" {
		return nil, invalid(op, d.Prefix, "it is a delegated policy, which says nothing without that of the roots")
	}
	return newPolicy(d, sha256.Sum256(text)), nil
}

func newPolicy(d *document, state [sha256.Size]byte) *Policy {
	return &Policy{epoch: d.Epoch, root: d, revoked: revocations(nil).and(d.Revoked), state: state}
}

// Epoch returns the number of the policy in its chain; 0 where none is set.
func (p *Policy) Epoch() uint64 {
	if p == nil {
		return 0
	}
	return p.epoch
}

// Expires returns when the policy ceases to admit anything; zero where none is
// set.
func (p *Policy) Expires() time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.root.Expires.Time
}

// Revocations returns the index that [Policy.Revoked] was given.
func (p *Policy) Revocations() uint64 {
	if p == nil {
		return 0
	}
	return p.revocations
}

// Roots returns the keys that sign the policy, in the order of their ids, and
// how many of them have to.
func (p *Policy) Roots() (keys []NamedKey, threshold int) {
	if p == nil {
		return nil, 0
	}
	for _, id := range p.root.Roots.Keys {
		keys = append(keys, p.root.Keys[id].named())
	}
	slices.SortFunc(keys, byID)
	return keys, p.root.Roots.Threshold
}

// Keys returns every key of the policy and of those that it delegates, in the
// order of their ids.
func (p *Policy) Keys() []NamedKey {
	if p == nil {
		return nil
	}
	found := map[KeyID]NamedKey{}
	for _, d := range p.delegated {
		for id, k := range d.doc.Keys {
			found[id] = k.named()
		}
	}
	for id, k := range p.root.Keys { // the roots' name is the one that stays
		found[id] = k.named()
	}
	return slices.SortedFunc(maps.Values(found), byID)
}

// Logs returns the verifier keys of logs by their origins (C2SP signed-note).
func (p *Policy) Logs() map[string]string {
	if p == nil {
		return nil
	}
	return maps.Clone(p.root.Logs)
}

// Revoked returns the policy with keys revoked that the node's log revokes.
// index is how long that log was with the last revocation in it. Where a key
// is revoked more than once, all hold. They hold for the policies after it too.
func (p *Policy) Revoked(index uint64, more ...Revocation) *Policy {
	if p == nil {
		return nil
	}
	q := *p
	q.revocations = index
	q.logged = p.logged.and(more)
	return &q
}

func (k documentKey) named() NamedKey { return NamedKey{k.key, k.Name, k.NotAfter.Time} }

func byID(a, b NamedKey) int { return cmp.Compare(a.ID, b.ID) }
