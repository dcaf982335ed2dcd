package node

import (
	"context"
	"crypto/sha256"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/chunk"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// bundle is a Sigstore bundle and its path in the artifact that carries it.
type bundle struct {
	path string
	data []byte
}

// bundleMode are the permission bits of a bundle when it is written to disk.
const bundleMode = 0o644

// attach publishes bundles, which vouch for the artifact a with manifest block
// about, as an artifact that refers to it, in its repository. Where it is there
// already nothing is published.
func (n *Node) attach(ctx context.Context, a Artifact, about dag.Block, artifactType string, bundles []bundle) (Artifact, error) {
	lease := n.store.Begin()
	defer lease.Release()
	put := func(b dag.Block) error {
		_, err := lease.Receive(ctx, b)
		return err
	}
	subject, err := dag.NewSubject(about)
	if err != nil {
		return Artifact{}, err
	}
	var layers []dag.Descriptor
	for _, b := range bundles {
		blob, err := keep(b.data, put)
		if err != nil {
			return Artifact{}, err
		}
		layer := dag.FileLayer(b.path, bundleMode, blob)
		layer.MediaType = sigstore.MediaType
		layers = append(layers, layer)
	}
	m, err := dag.BuildManifest(dag.Manifest{ArtifactType: artifactType, Subject: &subject}, layers, put)
	if err != nil {
		return Artifact{}, err
	}
	there, err := n.store.Resolve(ctx, dag.Reference{Repository: a.Repository, Digest: m.CID.Digest})
	if !fault.Is(err, fault.NotFound) {
		return there, err
	}
	if err := context.Cause(ctx); err != nil {
		return Artifact{}, err
	}
	digest := about.CID.Digest
	return n.publish(context.WithoutCancel(ctx), lease, store.Publication{
		Repository: a.Repository, Manifest: m.CID, Subject: &digest, ArtifactType: artifactType, Signature: true,
	})
}

// keep makes a blob of data. put is called for each of its blocks.
func keep(data []byte, put func(dag.Block) error) (dag.Blob, error) {
	profile, err := chunk.Lookup(defaultProfile)
	if err != nil {
		return dag.Blob{}, err
	}
	tree := dag.NewTreeBuilder(profile.ID(), put)
	for rest := data; len(rest) > 0; {
		size := profile.Cut(rest)
		b := dag.NewBlock(dag.Raw, rest[:size])
		if err := put(b); err != nil {
			return dag.Blob{}, err
		}
		if err := tree.Add(b.CID, size); err != nil {
			return dag.Blob{}, err
		}
		rest = rest[size:]
	}
	sum := sha256.Sum256(data)
	return tree.Finish(dag.Digests{"sha256": sum[:]})
}
