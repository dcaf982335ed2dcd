package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// maxBundles bounds the bundles of one referrer that are read.
const maxBundles = 64

// Referrer is an artifact that refers to another.
type Referrer struct {
	Artifact   Artifact
	Signatures []Signature // of what its bundles say; empty where it is none
}

// Signature is what one bundle proves about an artifact.
type Signature struct {
	trust.Statement // without a key where none that is known verifies it
	Referrer        dag.Digest
	Path            string // of the bundle in the referrer
	Name            string // of the key, in the log; may be empty
	// Why says why it counts for nothing; "" where it counts, for the names that
	// it is for.
	Why string
}

// For reports whether it counts for an artifact by this name; tag "" is for any
// name in the repository. A signature of the bytes alone is for every name,
// unless a claim by its key came with it.
func (s Signature) For(repository, tag string) bool {
	switch {
	case s.Why != "" || s.Type != trust.Signature && s.Type != trust.Claim:
		return false
	case s.Type == trust.Signature && s.Repository == "":
		return true
	}
	return s.Repository == repository && (tag == "" || s.Tag == tag)
}

// referrers reads what refers to an artifact with manifest block in its
// repository, and verifies its bundles with the keys that the log knows, and
// more. What is wrong with one is told of it and keeps nothing from the others.
func (n *Node) referrers(ctx context.Context, a Artifact, block dag.Block, more ...trust.Key) ([]Referrer, error) {
	found, err := n.store.Referrers(ctx, a.Repository, a.Digest())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	known, err := n.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	v := verifier{n: n, block: block, known: known, keys: more}
	for _, k := range known {
		key, err := trust.ParseKey([]byte(k.PEM))
		if err != nil {
			return nil, fault.Wrap(fault.Corrupt, "read key", k.Name, err)
		}
		v.keys = append(v.keys, key)
	}
	all := make([]Referrer, 0, len(found))
	for _, f := range found {
		r := Referrer{Artifact: f}
		if f.Signature {
			if r.Signatures, err = v.referrer(ctx, f); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// verifier verifies the bundles of the referrers of one artifact.
type verifier struct {
	n     *Node
	block dag.Block
	known []store.Key
	keys  []trust.Key
}

// referrer verifies the bundles of one referrer. An error is one of the context
// or the store; what is wrong with the referrer is in the result.
func (v verifier) referrer(ctx context.Context, f Artifact) ([]Signature, error) {
	bundles, err := v.n.bundles(ctx, f)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return []Signature{{Referrer: f.Digest(), Why: err.Error()}}, nil
	}
	var all []Signature
	for _, b := range bundles {
		all = append(all, v.bundle(f, b))
	}
	return together(all), nil
}

// together makes signatures of the bytes that came with a claim by their key
// count for the claim's name only: who copies both into another repository does
// not get more than one that was claimed.
func together(all []Signature) []Signature {
	for i, s := range all {
		if s.Why != "" || s.Type != trust.Signature {
			continue
		}
		for _, c := range all {
			if c.Type == trust.Claim && c.Key == s.Key {
				all[i].Repository, all[i].Tag = c.Repository, c.Tag
			}
		}
	}
	return all
}

// bundle verifies one bundle that f carries.
func (v verifier) bundle(f Artifact, b bundle) Signature {
	s := Signature{Referrer: f.Digest(), Path: b.path}
	found, err := sigstore.VerifyBundle(b.data, v.block.Data, v.keys...)
	if err != nil {
		s.Why = err.Error()
		return s
	}
	s.Statement = trust.Statement{
		Type: trust.Signature, Key: found.Key, Digest: v.block.CID.Digest,
		Logged: true, Namespace: dag.Reference{Repository: f.Repository}.Namespace(), Index: f.Index, Time: f.Published,
	}
	if st := found.Statement; st != nil {
		s.Type, s.PredicateType = trust.Attestation, st.PredicateType
		if st.PredicateType == trust.ClaimType {
			s.Why = s.readClaim(st.Predicate)
		}
	}
	k, registered := keyByID(v.known, found.Key)
	if !registered {
		return s
	}
	s.Name = k.Name
	if s.Why == "" {
		s.Why = revoked(k, s.Statement)
	}
	return s
}

// readClaim takes in the predicate of a claim, and tells what is wrong with it.
// Its members are told apart by case, as in every reader of in-toto.
func (s *Signature) readClaim(predicate []byte) string {
	s.Type = trust.Claim
	var members map[string]any
	if err := json.Unmarshal(predicate, &members); err != nil {
		return "the claim cannot be read: " + err.Error()
	}
	namespace, _ := members["namespace"].(string)
	repository, _ := members["repository"].(string)
	tag, tagged := members["tag"].(string)
	if _, there := members["tag"]; there && (!tagged || tag == "") {
		return "the tag that is claimed is none"
	}
	if err := checkName(repository, tag); err != nil {
		return "the claim is for no name: " + err.Error()
	}
	s.Repository, s.Tag = repository, tag
	if namespace != (dag.Reference{Repository: repository}).Namespace() {
		return fmt.Sprintf("the claim is for %s in the namespace %.80q, where it is not", repository, namespace)
	}
	return ""
}

// revoked tells why what a key said counts for nothing, or "".
func revoked(k store.Key, st trust.Statement) string {
	if k.Revoked.IsZero() {
		return ""
	}
	from, listed := k.From[st.Namespace]
	if listed && st.Index < from {
		return ""
	}
	return fmt.Sprintf("the key was revoked at %s, before this was attached", k.Revoked.UTC().Format(time.RFC3339))
}

// bundles reads the bundles that a referrer carries.
func (n *Node) bundles(ctx context.Context, f Artifact) ([]bundle, error) {
	const op = "read signature"
	m, err := n.manifest(ctx, f)
	if err != nil {
		return nil, err
	}
	if m.Count() > maxBundles {
		return nil, fault.New(fault.TooLarge, op, f.Digest().String(), "it has more than %d bundles", maxBundles)
	}
	var all []bundle
	err = m.Layers(ctx, n.store, "", func(d dag.Descriptor) error {
		if d.MediaType != sigstore.MediaType {
			return nil
		}
		path, err := d.Path()
		if err != nil {
			return err
		}
		data, err := n.content(ctx, d)
		all = append(all, bundle{path, data})
		return fault.Wrap(fault.Other, op, path, err)
	})
	return all, err
}

// content reads a bundle.
func (n *Node) content(ctx context.Context, d dag.Descriptor) ([]byte, error) {
	if d.Size > sigstore.MaxBundle {
		return nil, fault.New(fault.TooLarge, "read bundle", "", "it has %d bytes of at most %d", d.Size, sigstore.MaxBundle)
	}
	blob, err := dag.OpenBlob(ctx, n.store, d.Root)
	if err != nil {
		return nil, err
	}
	if uint64(blob.Size()) != d.Size {
		return nil, fault.New(fault.Corrupt, "read bundle", "", "it has %d bytes, not %d", blob.Size(), d.Size)
	}
	data := make([]byte, d.Size)
	_, err = blob.ReadAt(ctx, data, 0)
	if err == io.EOF {
		err = nil
	}
	return data, err
}
