package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/trust"
)

// vectors is policy.json: a chain of policies, and what they come to.
type vectors struct {
	Keys  map[string]string `json:"keys"` // PEM by name
	Chain []struct {
		Document  json.RawMessage `json:"document"`  // as it was written
		Canonical string          `json:"canonical"` // as it is signed
		SignedBy  []string        `json:"signedBy"`
		Envelope  string          `json:"envelope"`
	} `json:"chain"`
	Manifest string `json:"manifest"` // the digest that is asked about
	Cases    []struct {
		Repository string   `json:"repository"`
		Tag        string   `json:"tag"`
		ClaimedBy  []string `json:"claimedBy"`
		Allowed    bool     `json:"allowed"`
	} `json:"cases"`
}

// TestVectors holds the frozen vectors: a change of what is written, or of what
// it means, would break with everything that was signed before.
func TestVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "policy.json"))
	must(t, err)
	var v vectors
	must(t, json.Unmarshal(data, &v))
	people := map[string]*signer{"root2": newEdSigner(t, "root2"), "bob": newEdSigner(t, "bob")}
	for name, text := range v.Keys {
		if people[name] == nil {
			people[name] = newSigner(t, name)
		}
		if string(people[name].public.PEM()) != text {
			t.Errorf("the key of %s is\n%s", name, people[name].public.PEM())
		}
	}
	var p *trust.Policy
	for i, link := range v.Chain {
		var signers []trust.Signer
		for _, name := range link.SignedBy {
			signers = append(signers, people[name])
		}
		signed, err := trust.Sign(link.Document, signers...)
		must(t, err)
		var w wire
		must(t, json.Unmarshal(signed, &w))
		if payload, err := base64.StdEncoding.DecodeString(w.Payload); err != nil || string(payload) != link.Canonical {
			t.Errorf("policy %d in its canonical form is\n%s", i, payload)
		}
		if !bytes.Equal(signed, []byte(link.Envelope)) {
			t.Errorf("policy %d is signed as\n%s", i, signed)
		}
		if p == nil {
			p, err = trust.First([]byte(link.Envelope), people["root"].public)
		} else {
			p, err = p.Next([]byte(link.Envelope))
		}
		must(t, err)
	}
	digest, err := dag.ParseDigest(v.Manifest)
	must(t, err)
	for _, c := range v.Cases {
		s := trust.Subject{Repository: c.Repository, Tag: c.Tag, Manifest: dag.CID{Codec: dag.Cbor, Digest: digest}}
		var have []trust.Statement
		for _, name := range c.ClaimedBy {
			have = append(have, trust.Statement{Type: trust.Claim, Key: people[name].id(), Digest: digest, Repository: c.Repository, Tag: c.Tag})
		}
		if got := p.Check(s, have, now); got.Allowed != c.Allowed {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	if len(v.Chain) < 3 || len(v.Cases) < 6 {
		t.Errorf("%d policies and %d cases", len(v.Chain), len(v.Cases))
	}
}
