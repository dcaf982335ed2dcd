package node_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/trust"
)

// newKey makes a key and opens it.
func newKey(t *testing.T, ctx context.Context, n *node.Node, name string) node.SigningKey {
	t.Helper()
	if _, err := n.GenerateKey(ctx, name, nil); err != nil {
		t.Fatal(err)
	}
	key, err := n.OpenKey(ctx, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ref(t *testing.T, s string) dag.Reference {
	t.Helper()
	r, err := dag.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sign(t *testing.T, ctx context.Context, n *node.Node, name string, key node.SigningKey) node.Signed {
	t.Helper()
	done, err := n.Sign(ctx, node.SignRequest{Reference: ref(t, name), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// demand asserts that an artifact is signed by a key, or is not.
func demand(t *testing.T, ctx context.Context, n *node.Node, name, key string, want bool) {
	t.Helper()
	_, err := n.Signatures(ctx, ref(t, name), key)
	if want && err != nil {
		t.Errorf("%s is not signed by %s: %v", name, key, err)
	}
	if !want && !fault.Is(err, fault.Corrupt) {
		t.Errorf("%s is signed by %s: %v", name, key, err)
	}
}

func mustPut(t *testing.T, ctx context.Context, n *node.Node, name, content string) node.PutResult {
	t.Helper()
	done, err := put(ctx, n, name, content)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// Sixteen sign one artifact at once, each for a name of its own so that no two
// signatures are alike, while it is signed with other keys too: none is lost.
func TestSignaturesAtOnce(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		mustPut(t, ctx, n, "acme/app:v1", "content")
		keys := []node.SigningKey{newKey(t, ctx, n, "one"), newKey(t, ctx, n, "two")}
		var group errgroup.Group
		const signers = 16
		for i := range signers {
			group.Go(func() error {
				_, err := n.Sign(ctx, node.SignRequest{
					Reference: dag.Reference{Repository: "acme/app", Tag: "v1"}, Key: keys[i%2],
					Repository: "acme/app", Tag: fmt.Sprintf("v1-%d", i),
				})
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		all, err := n.Signatures(ctx, ref(t, "acme/app:v1"))
		claimed := make(map[string]bool)
		for _, s := range all {
			if s.Why != "" {
				t.Errorf("%+v", s)
			}
			if s.Type == trust.Claim {
				claimed[s.Tag+" "+s.Name] = true
			}
		}
		for i := range signers {
			if who := fmt.Sprintf("v1-%d %s", i, keys[i%2].Name); !claimed[who] {
				t.Errorf("the claim %s is lost", who)
			}
		}
		return err
	})
}

func TestSigningAgainAddsNothing(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		mustPut(t, ctx, n, "acme/app:v1", "content")
		key := newKey(t, ctx, n, "ci")
		first := sign(t, ctx, n, "acme/app:v1", key)
		again := sign(t, ctx, n, "acme/app:v1", key)
		if again.Referrer.Index != first.Referrer.Index || again.Referrer.Manifest != first.Referrer.Manifest {
			t.Errorf("signed as %+v and %+v", first.Referrer, again.Referrer)
		}
		d, err := n.Show(ctx, ref(t, "acme/app:v1"), nil)
		if len(d.Referrers) != 1 {
			t.Errorf("%d referrers", len(d.Referrers))
		}
		return err
	})
}

// What was claimed under one name does not count under another, wherever the
// signature is copied; unless that was claimed too.
func TestReplayUnderAnotherName(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		mustPut(t, ctx, n, "acme/app:v1", "content")
		key := newKey(t, ctx, n, "ci")
		done := sign(t, ctx, n, "acme/app:v1", key)
		for _, copied := range []struct{ from, repository, tag string }{
			{"acme/app:v1", "evil/app", "v1"}, {"acme/app:v1", "acme/app", "v2"},
			{"acme/app@" + done.Referrer.Digest().String(), "evil/app", "sig"},
		} {
			if _, err := n.Tag(ctx, ref(t, copied.from), copied.repository, copied.tag); err != nil {
				t.Fatal(err)
			}
		}
		demand(t, ctx, n, "acme/app:v1", "ci", true)
		demand(t, ctx, n, "acme/app@"+done.Subject.Digest().String(), "ci", true)
		demand(t, ctx, n, "acme/app:v2", "ci", false)
		demand(t, ctx, n, "evil/app:v1", "ci", false)
		all, err := n.Signatures(ctx, ref(t, "evil/app:v1"))
		if err != nil || len(all) != 2 || all[0].For("evil/app", "") || all[1].For("evil/app", "v1") {
			t.Errorf("%+v, %v", all, err)
		}
		_, err = n.Sign(ctx, node.SignRequest{Reference: ref(t, "acme/app:v1"), Key: key, Repository: "acme/app", Tag: "v2"})
		demand(t, ctx, n, "acme/app:v2", "ci", true)
		return err
	})
}

// A revoked key's signatures count where they were logged before, and a
// replaced key's all do; neither signs any more.
func TestRevokedAndReplacedKeys(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		mustPut(t, ctx, n, "acme/app:old", "old")
		mustPut(t, ctx, n, "acme/app:new", "new")
		key := newKey(t, ctx, n, "ci")
		sign(t, ctx, n, "acme/app:old", key)
		if _, err := n.RevokeKey(ctx, "ci", "stolen"); err != nil {
			t.Fatal(err)
		}
		sign(t, ctx, n, "acme/app:new", key) // by who has stolen the key, past the check
		demand(t, ctx, n, "acme/app:old", "ci", true)
		demand(t, ctx, n, "acme/app:new", "ci", false)
		if _, err := n.OpenKey(ctx, "ci", nil); !fault.Is(err, fault.Denied) {
			t.Errorf("a revoked key opens: %v", err)
		}
		if _, err := n.RevokeKey(ctx, "ci", "again"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a revoked key is revoked: %v", err)
		}
		// In another namespace the key counts for nothing since, whatever the index.
		mustPut(t, ctx, n, "other/app:v1", "old")
		if _, err := n.Sign(ctx, node.SignRequest{Reference: ref(t, "other/app:v1"), Key: key}); err != nil {
			t.Fatal(err)
		}
		demand(t, ctx, n, "other/app:v1", "ci", false)

		release := newKey(t, ctx, n, "release")
		sign(t, ctx, n, "acme/app:new", release)
		if _, err := n.RotateKey(ctx, "release", "", nil); err != nil {
			t.Fatal(err)
		}
		demand(t, ctx, n, "acme/app:new", "release", true)
		demand(t, ctx, n, "acme/app:new", string(release.ID()), true)
		demand(t, ctx, n, "acme/app:old", "release", false)
		if _, err := n.Signatures(ctx, ref(t, "acme/app:new"), "nobody"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a key that there is not: %v", err)
		}
		return nil
	})
}

// An artifact that leaves takes with it what vouches for it there, and what
// vouches for that, and nothing else.
func TestWhatVouchesGoesWithIt(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		mustPut(t, ctx, n, "acme/app:v1", "one")
		mustPut(t, ctx, n, "acme/app:v2", "two")
		key := newKey(t, ctx, n, "ci")
		first := sign(t, ctx, n, "acme/app:v1", key)
		other := sign(t, ctx, n, "acme/app:v2", key)
		attested, err := n.Attest(ctx, node.AttestRequest{
			Reference: ref(t, "acme/app:v1"), Key: key, Type: "https://example.org/built/v1", Predicate: []byte(`{"a":1}`),
		})
		if err != nil {
			return err
		}
		nested := sign(t, ctx, n, "acme/app@"+attested.Referrer.Digest().String(), key)
		done, err := n.Remove(ctx, ref(t, "acme/app:v1"), false)
		var gone []string
		for _, f := range done.Referrers {
			gone = append(gone, f.Digest().String())
		}
		for _, f := range []node.Signed{first, attested, nested} {
			d := f.Referrer.Digest()
			if _, err := n.Show(ctx, dag.Reference{Repository: "acme/app", Digest: d}, nil); !fault.Is(err, fault.NotFound) || !slices.Contains(gone, d.String()) {
				t.Errorf("%s is still there: %v; gone are %v", d, err, gone)
			}
		}
		if len(gone) != 3 {
			t.Errorf("gone are %v", gone)
		}
		demand(t, ctx, n, "acme/app:v2", "ci", true)
		if _, err := n.Show(ctx, dag.Reference{Repository: "acme/app", Digest: other.Referrer.Digest()}, nil); err != nil {
			t.Error(err)
		}
		return err
	})
}

// A predicate of the size that is allowed is kept, and one that is not JSON, or
// longer, or that would pass for a claim, is not.
func TestPredicates(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		mustPut(t, ctx, n, "acme/app:v1", "content")
		key := newKey(t, ctx, n, "ci")
		attest := func(typ, predicate string) error {
			_, err := n.Attest(ctx, node.AttestRequest{Reference: ref(t, "acme/app:v1"), Key: key, Type: typ, Predicate: []byte(predicate)})
			return err
		}
		const typ = "https://example.org/built/v1"
		long := func(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }
		if err := attest(typ, long(node.MaxPredicate)); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []struct {
			typ, predicate string
			want           fault.Kind
		}{
			{typ, long(node.MaxPredicate + 1), fault.TooLarge}, {typ, `{"a":`, fault.Invalid}, {typ, `[1]`, fault.Invalid},
			{"no uri", `{}`, fault.Invalid}, {trust.ClaimType, `{}`, fault.Invalid},
		} {
			if err := attest(bad.typ, bad.predicate); !fault.Is(err, bad.want) {
				t.Errorf("%s %.20s: %v, want %v", bad.typ, bad.predicate, err, bad.want)
			}
		}
		all, err := n.Signatures(ctx, ref(t, "acme/app:v1"))
		if len(all) != 1 || all[0].Why != "" || all[0].PredicateType != typ {
			t.Errorf("%+v", all)
		}
		demand(t, ctx, n, "acme/app:v1", "ci", false) // an attestation is no signature
		return err
	})
}
