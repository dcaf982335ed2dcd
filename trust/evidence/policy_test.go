package evidence

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// governed is a node with two policies, under which alice and bob may publish
// in acme/prod, with an attestation. The roots are alice's alone.
func governed(t testing.TB) (w *world, alice, bob *operator) {
	w = newWorld(t)
	alice, bob = newOperator(t, "alice"), newOperator(t, "bob")
	w.setPolicy(w.policyOf(1, "", nil, alice), 1)
	w.setPolicy(w.policyOf(2, "", []string{predicate}, alice, bob), 2)
	return w, alice, bob
}

// A policy's root is all that is needed: it names the rest.
func TestPolicyRoot(t *testing.T) {
	w, alice, bob := governed(t)
	file := w.export(w.report(bob))
	for what, roots := range map[string][]trust.Key{
		"the root of the policy": {alice.public}, "the node's key": {w.root()}, "both": {w.root(), alice.public},
	} {
		r, err := verify(t, file, w, roots...)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if r.Epoch != 2 || !r.Published.Allowed || !r.Tagged.Allowed || !r.Current.Allowed || r.Published.Epoch != 2 || len(r.Signers) != 3 || r.Signers[0].Name != "bob" {
			t.Errorf("%s: %+v", what, r)
		}
	}
	for what, roots := range map[string][]trust.Key{
		"a key of the policy that is no root": {bob.public}, "another root": {alice.public, newOperator(t, "mallory").public},
	} {
		if _, err := verify(t, file, w, roots...); !fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// No byte of the policies can be changed, whichever root is given, nor of the
// node's log from which they come. One in a few is: all of a package without
// policies are, by another test.
func TestPolicyFlips(t *testing.T) {
	t.Parallel()
	w, alice, bob := governed(t)
	members := opened(t, w.export(w.report(bob)))
	step := 3
	if testing.Short() {
		step = 20
		t.Logf("only one byte in %d is flipped: -short", step)
	}
	for i, m := range members {
		if !strings.HasPrefix(m.name, dirPolicy) && !strings.HasPrefix(m.name, dirNode) {
			continue
		}
		for at := 0; at < len(m.data); at += step {
			changed := slices.Clone(members)
			changed[i].data = bytes.Clone(m.data)
			changed[i].data[at] ^= 1 << (at % 8)
			root := [...]trust.Key{alice.public, w.root()}[at%2]
			refusedFor(t, w, writeTar(t, changed...), m.name, fmt.Sprintf("byte %d flipped", at), root)
		}
	}
}

// What was published against the policy is refused, and the rule is named.
func TestAgainstPolicy(t *testing.T) {
	w, alice, bob := governed(t)
	b := w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.note"}, w.file("note", []byte("hello\n")))
	req := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}, Publication: w.publish(repository, b), Tag: w.tag(repository, "v1", b)}
	refuse := func(what, rule string) {
		t.Helper()
		r, err := verify(t, w.export(req), w, alice.public)
		if !fault.Is(err, fault.Denied) || !strings.Contains(fmt.Sprint(r.Problems), rule) {
			t.Errorf("%s: %v, %v", what, err, r.Problems)
		}
	}
	refuse("nobody signed it", "publish")
	req.Referrers = []uint64{w.sign(newOperator(t, "mallory"), repository, "v1", b)}
	refuse("someone else signed it", "publish")
	req.Referrers = append(req.Referrers, w.sign(bob, repository, "v2", b))
	refuse("it was signed for another tag", "publish")
	req.Referrers = append(req.Referrers, w.sign(bob, repository, "v1", b))
	refuse("nobody attested it", "attestation")
	req.Referrers = append(req.Referrers, w.attest(alice, repository, predicate, b))
	r, err := verify(t, w.export(req), w, alice.public)
	if err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for _, s := range r.Signers {
		if s.Why != "" {
			unknown++
		}
	}
	if unknown != 2 || len(r.Signers) != 7 {
		t.Errorf("%d signers, of whom %d are unknown", len(r.Signers), unknown)
	}
}

// An artifact may be signed where it was before it is published where it
// should be: a claim is for the name in it.
func TestSignedElsewhere(t *testing.T) {
	w, alice, bob := governed(t)
	b := w.artifact(dag.Manifest{}, w.file("note", []byte("hello\n")))
	w.publish("acme/staging", b)
	claim := w.statement(bob, b, trust.ClaimType, map[string]any{"namespace": "acme", "repository": repository, "tag": "v1", "sequence": 0})
	claimed := w.attach("acme/staging", b, typeSignature, map[string][]byte{"claim.sigstore.json": claim})
	attested := w.attest(bob, "acme/staging", predicate, b)
	req := Request{
		Manifest: b.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}, Referrers: []uint64{attested, claimed},
		Publication: w.publish(repository, b), Tag: w.tag(repository, "v1", b),
	}
	if r, err := verify(t, w.export(req), w, alice.public); err != nil || len(r.Signers) != 2 {
		t.Errorf("%+v, %v", r.Signers, err)
	}
}

// What a revoked key said counts only for what was logged before, wherever the
// revocation stands.
func TestRevokedKey(t *testing.T) {
	for _, inPolicy := range []bool{false, true} {
		w, alice, bob := governed(t)
		req := w.report(bob)
		revoke := func(from uint64) []byte {
			if inPolicy {
				w.setPolicy(w.policyOf(3, fmt.Sprintf(`{"key":%q,"from":{"acme":%d}}`, bob.public.ID, from), []string{predicate}, alice, bob), 3)
			} else {
				w.log("", eventlog.KeyRevoked, eventlog.Payload{Key: string(bob.public.ID), From: map[string]uint64{"acme": from}})
			}
			return w.export(req)
		}
		if !inPolicy {
			r, err := verify(t, revoke(100), w, alice.public)
			if err != nil || !r.Current.Allowed {
				t.Errorf("revoked after: %v, %+v", err, r.Current)
			}
		}
		r, err := verify(t, revoke(req.Publication), w, alice.public)
		if r.Current.Allowed {
			t.Errorf("revoked in the policy %v, before the publication: %v, %+v", inPolicy, err, r.Current)
		}
		if !inPolicy && !fault.Is(err, fault.Denied) {
			t.Errorf("revoked before: %v", err)
		}
	}
}

// A policy that has expired since does not unmake what was published under it.
func TestExpiredSince(t *testing.T) {
	w, alice, bob := governed(t)
	file := w.export(w.report(bob))
	w.now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	r, err := verify(t, file, w, alice.public)
	if err != nil || !r.Published.Allowed || r.Current.Allowed {
		t.Errorf("%v, %+v, %+v", err, r.Published, r.Current)
	}
}

// A chain cannot be shortened, turned back, or begun by another root.
func TestRolledBack(t *testing.T) {
	w, alice, bob := governed(t)
	members := opened(t, w.export(w.report(bob)))
	first, second := numbered(dirPolicy, 1, suffixJSON), numbered(dirPolicy, 2, suffixJSON)
	events := [...]string{numbered(dirNode, 1, suffixEntry), numbered(dirNode, 2, suffixEntry)}
	mallory := newOperator(t, "mallory")
	for _, tt := range []struct {
		what, member string
		change       func(all map[string][]byte)
	}{
		{"the newest left out", second, func(all map[string][]byte) { delete(all, second) }},
		{"the newest left out, with its event", events[1], func(all map[string][]byte) { delete(all, second); delete(all, events[1]) }},
		{"the first left out", first, func(all map[string][]byte) { delete(all, first) }},
		{"the first again", second, func(all map[string][]byte) { all[second] = all[first] }},
		{"the first as another epoch", first, func(all map[string][]byte) { all[first] = all[second] }},
		{"one that was never set", second, func(all map[string][]byte) { all[second] = w.policyOf(2, "", nil, alice) }},
		{"one more that was never set", numbered(dirPolicy, 3, suffixJSON), func(all map[string][]byte) {
			all[numbered(dirPolicy, 3, suffixJSON)] = w.policyOf(3, "", nil, alice)
		}},
		{"the next signed by another root", second, func(all map[string][]byte) { all[second] = w.policyOf(2, "", nil, mallory) }},
		{"the first signed by another root", first, func(all map[string][]byte) {
			all[first] = w.policyOf(1, "", nil, mallory)
		}},
	} {
		for _, root := range []trust.Key{alice.public, w.root()} {
			refusedFor(t, w, forged(t, members, tt.change), tt.member, tt.what, root)
		}
	}
}

// A node that sets an older policy again is found out: its log shows both.
func TestPolicySetBack(t *testing.T) {
	w, alice, bob := governed(t)
	req := w.report(bob)
	w.setPolicy(w.policyOf(1, "", nil, alice), 1)
	var out bytes.Buffer
	if _, err := Export(t.Context(), &out, w, req); err == nil {
		_, err = verify(t, out.Bytes(), w, alice.public)
		if !fault.Is(err, fault.Corrupt) {
			t.Error("a policy set back is not noticed:", err)
		}
	}
}

// A policy that does not name the logs proves nothing of them.
func TestUnnamedLogs(t *testing.T) {
	w := newWorld(t)
	alice := newOperator(t, "alice")
	w.logs[""].origin, w.logs["acme"].origin = "elsewhere.example/acme", "elsewhere.example/other"
	envelope := w.policyOf(1, "", nil, alice)
	w.logs[""].origin, w.logs["acme"].origin = eventlog.NodeOrigin(testSite, w.public()), testSite+"/acme"
	w.setPolicy(envelope, 1)
	file := w.export(w.report(alice))
	refusedFor(t, w, file, dirNode+nameCheckpoint, "a policy without the logs", alice.public)
	if _, err := verify(t, file, w, alice.public, w.root()); err != nil {
		t.Error("with the node's key as well:", err)
	}
}
