package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
)

// claimed reads what a signature claims.
func claimed(t *testing.T, ctx context.Context, n *node.Node, s node.Signed) (c struct {
	Namespace, Repository, Tag, Previous string
	Sequence                             uint64
}) {
	t.Helper()
	var text bytes.Buffer
	at := dag.Reference{Repository: s.Referrer.Repository, Digest: s.Referrer.Digest()}
	if _, err := n.Cat(ctx, at, "claim.sigstore.json", &text); err != nil {
		t.Fatal(err)
	}
	var b struct{ DSSEEnvelope struct{ Payload []byte } }
	if err := json.Unmarshal(text.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	var statement struct{ Predicate json.RawMessage }
	if err := json.Unmarshal(b.DSSEEnvelope.Payload, &statement); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(statement.Predicate, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// A claim says where the artifact was published, and what its tag named before:
// whatever happened since, and nothing where the tag was taken away between.
func TestAClaimKnowsWhatWasBefore(t *testing.T) {
	with(t, config(t), func(ctx context.Context, n *node.Node) error {
		key := newKey(t, ctx, n, "ci")
		claims := func(name, previous string, sequence uint64) {
			t.Helper()
			c := claimed(t, ctx, n, sign(t, ctx, n, name, key))
			r := ref(t, name)
			if c.Namespace != "acme" || c.Repository != r.Repository || c.Tag != r.Tag || c.Previous != previous || c.Sequence != sequence {
				t.Errorf("%s is claimed as %+v; want %q before, at %d", name, c, previous, sequence)
			}
		}
		one := mustPut(t, ctx, n, "acme/app:v1", "one").Artifact
		claims("acme/app:v1", "", one.Index)
		two := mustPut(t, ctx, n, "acme/app:v1", "two").Artifact
		claims("acme/app:v1", one.Digest().String(), two.Index)
		if _, err := n.Tag(ctx, ref(t, "acme/app:v1"), "acme/app", "v1"); err != nil { // to where it was
			return err
		}
		mustPut(t, ctx, n, "acme/other:v1", "one")
		claims("acme/app:v1", one.Digest().String(), two.Index)

		// Before it is tagged so, what the tag names now is what will be before.
		done, err := n.Sign(ctx, node.SignRequest{Reference: ref(t, "acme/app@"+one.Digest().String()), Key: key, Repository: "acme/app", Tag: "v1"})
		if err != nil {
			return err
		}
		if c := claimed(t, ctx, n, done); c.Previous != two.Digest().String() || c.Sequence != one.Index {
			t.Errorf("to promote it is claimed as %+v", c)
		}

		// A tag that was taken away, by itself or with its artifact, named nothing.
		if _, err := n.Tag(ctx, ref(t, "acme/app:v1"), "acme/app", "kept"); err != nil {
			return err
		}
		if _, err := n.Remove(ctx, ref(t, "acme/app:v1"), false); err != nil {
			return err
		}
		three := mustPut(t, ctx, n, "acme/app:v1", "three").Artifact
		claims("acme/app:v1", "", three.Index)
		if _, err := n.Remove(ctx, ref(t, "acme/app:v1"), false); err != nil {
			return err
		}
		four := mustPut(t, ctx, n, "acme/app:v1", "four").Artifact
		claims("acme/app:v1", "", four.Index)
		return nil
	})
}
