package evidence

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// inForce is a policy with the time from which it was in force.
type inForce struct {
	*trust.Policy
	since time.Time
}

// readLogs goes from the roots over the policies to the logs and what is in
// them.
func (v *verification) readLogs(context.Context) {
	node, ok := v.take(dirNode + nameCheckpoint)
	namespace, also := v.take(dirNamespace + nameCheckpoint)
	if !ok || !also {
		return
	}
	own, others := v.sortRoots(originOf(node))
	if !v.readPolicies(others) {
		return
	}
	v.node = v.open(dirNode, node, v.logKeys(dirNode, node, own))
	v.namespace = v.open(dirNamespace, namespace, v.logKeys(dirNamespace, namespace, own))
	site := siteOf(v.node.Origin)
	if rest, ok := strings.CutPrefix(v.namespace.Origin, site+"/"); len(v.found) == 0 && (!ok || eventlog.ValidateNamespace(rest) != nil) {
		v.found.corrupt(dirNamespace+nameCheckpoint, "it is of %q, which is not the log of a namespace at %s", v.namespace.Origin, site)
	}
	if len(v.found) > 0 {
		return
	}
	v.report.Logs = []Log{Log(v.node), Log(v.namespace)}
	v.readNode(v.nodeEvents(v.node))
	v.events = v.namespaceEvents(namespace)
}

// sortRoots tells a root that is the key of the node, as its log's origin
// says, from those that must have signed the first policy.
func (v *verification) sortRoots(origin string) (own []ed25519.PublicKey, others []trust.Key) {
	for _, k := range v.roots {
		pub, ok := k.Public.(ed25519.PublicKey)
		if ok && eventlog.NodeOrigin(siteOf(origin), pub) == origin {
			own = append(own, pub)
		} else {
			others = append(others, k)
		}
	}
	return own, others
}

// readPolicies follows the chain of policies from the first, which each of
// the anchors must have signed.
func (v *verification) readPolicies(anchors []trust.Key) bool {
	if len(v.roots) == 0 {
		v.found.add(fault.Denied, dirNode+nameCheckpoint, "no root was given to trust")
		return false
	}
	for name := range v.held.within(dirPolicy) {
		if epoch, ok := number(name, dirPolicy, suffixJSON); ok {
			v.epochs = append(v.epochs, epoch)
		}
	}
	slices.Sort(v.epochs)
	if !v.anchored(anchors) {
		return false
	}
	for i, epoch := range v.epochs {
		name := numbered(dirPolicy, epoch, suffixJSON)
		envelope, _ := v.take(name)
		var p *trust.Policy
		var err error
		if i == 0 {
			p, err = trust.First(envelope)
		} else if p, err = v.chain[i-1].Next(envelope); err != nil {
			err = fault.New(fault.KindOf(err), opVerify, name, "it does not follow %s: %w", numbered(dirPolicy, v.epochs[i-1], suffixJSON), err)
		}
		if err == nil && p.Epoch() != epoch {
			err = fault.New(fault.Corrupt, opVerify, name, "it is of epoch %d", p.Epoch())
		}
		if !v.found.note(name, err) {
			return false
		}
		v.chain = append(v.chain, inForce{Policy: p})
	}
	return true
}

// anchored holds the first policy against the roots that must have signed it.
func (v *verification) anchored(anchors []trust.Key) bool {
	for _, k := range anchors {
		name := dirNode + nameCheckpoint
		err := fault.New(fault.Denied, opVerify, name, "there is no policy that it could have signed")
		if len(v.epochs) > 0 {
			first := numbered(dirPolicy, v.epochs[0], suffixJSON)
			_, err = trust.First(v.held[first], k)
			err = fault.Wrap(fault.Other, opVerify, first, err)
			if _, node := k.Public.(ed25519.PublicKey); !node {
				name = first
			}
		}
		if err != nil {
			v.found.note(name, fault.New(fault.KindOf(err), opVerify, name,
				"the root %s is not the key of the node that wrote the log, and: %w", k.ID, err))
		}
	}
	return len(v.found) == 0
}

// newest returns the policy in force now, nil where there is none.
func (v *verification) newest() *trust.Policy {
	if len(v.chain) == 0 {
		return nil
	}
	return v.chain[len(v.chain)-1].Policy
}

// policyAt returns the policy in force at a time, by the clock of the node that
// wrote both logs.
func (v *verification) policyAt(t time.Time) *trust.Policy {
	var then *trust.Policy
	for _, p := range v.chain {
		if !p.since.After(t) {
			then = p.Policy
		}
	}
	return then
}

// logKeys returns the keys of a log: the root that is the node's, else what
// the newest policy says.
func (v *verification) logKeys(dir string, signed []byte, own []ed25519.PublicKey) []note.Verifier {
	var keys []note.Verifier
	name, origin := dir+nameCheckpoint, originOf(signed)
	for _, pub := range own {
		k, err := eventlog.Verifier(origin, pub)
		if v.found.note(name, err) {
			keys = append(keys, k)
		}
	}
	if len(keys) > 0 || v.newest() == nil {
		return keys
	}
	text, ok := v.newest().Logs()[origin]
	if !ok {
		v.found.add(fault.Denied, name, "the policy of epoch %d does not name the key of the log %q", v.newest().Epoch(), origin)
		return nil
	}
	k, err := note.NewVerifier(text)
	if v.found.note(name, fault.Wrap(fault.Denied, opLog, origin, err)) {
		keys = append(keys, k)
	}
	return keys
}

// open verifies a checkpoint.
func (v *verification) open(dir string, signed []byte, keys []note.Verifier) eventlog.Checkpoint {
	if len(keys) == 0 {
		return eventlog.Checkpoint{}
	}
	c, err := eventlog.OpenCheckpoint(signed, originOf(signed), keys...)
	v.found.note(dir+nameCheckpoint, err)
	return c
}

// readNode takes from the events of the node's log the keys that were
// registered and when each policy was set: it set those in the package, in
// their order, and no other.
func (v *verification) readNode(events []located) {
	for _, p := range v.chain {
		for _, k := range p.Keys() {
			v.keys.add(k.Key, k.Name)
		}
	}
	set := 0
	for _, e := range events {
		name := numbered(dirNode, e.index, suffixEntry)
		p := e.Payload
		switch e.Kind {
		case eventlog.KeyAdded, eventlog.KeyRotated:
			k, err := trust.ParseKey([]byte(p.PEM))
			if err == nil && string(k.ID) != p.Key {
				err = fault.New(fault.Corrupt, opVerify, name, "the key in it is %s, not %s", k.ID, p.Key)
			}
			if v.found.note(name, err) {
				v.keys.add(k, p.Name)
			}
		case eventlog.KeyRevoked:
			v.revoked = append(v.revoked, trust.Revocation{Key: trust.KeyID(p.Key), From: p.From})
			v.revocations = e.index + 1
		case eventlog.PolicySet:
			file := numbered(dirPolicy, p.Epoch, suffixJSON)
			if set == len(v.chain) || p.Epoch != v.epochs[set] || !bytes.Equal(p.Policy, v.held[file]) {
				v.found.corrupt(file, "it is missing, or not the policy that event %d of the node's log set", e.index)
				return
			}
			v.chain[set].since = e.at()
			set++
		}
	}
	if set < len(v.chain) {
		v.found.corrupt(numbered(dirPolicy, v.epochs[set], suffixJSON), "no event of the node's log set it")
	}
}

// keyring knows keys by their ids.
type keyring struct {
	names map[trust.KeyID]string
	keys  map[trust.KeyID]trust.Key
}

// add adds a key; the first name that it was given stays.
func (r *keyring) add(k trust.Key, name string) {
	if r.keys == nil {
		r.names, r.keys = map[trust.KeyID]string{}, map[trust.KeyID]trust.Key{}
	}
	if _, ok := r.keys[k.ID]; !ok {
		r.names[k.ID], r.keys[k.ID] = name, k
	}
}

// all returns the keys in the order of their ids.
func (r *keyring) all() []trust.Key {
	return slices.SortedFunc(maps.Values(r.keys), func(a, b trust.Key) int { return cmp.Compare(a.ID, b.ID) })
}
