package node

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/restore"
)

// List calls fn for each artifact of the repositories whose name begins with
// prefix, by repository and digest. It stops at fn's first error.
func (n *Node) List(ctx context.Context, prefix string, fn func(Artifact) error) error {
	return fault.Wrap(fault.Other, "list", prefix, n.store.Artifacts(ctx, prefix, fn))
}

// Description is what an artifact says of itself.
type Description struct {
	Artifact Artifact
	Block    dag.Block // the manifest's exact bytes
	Manifest *dag.Manifest
	Files    int64 // layers that are files
	Bytes    int64 // their content
	// Referrers are what refers to it in its repository, as they came.
	Referrers []Referrer
}

// Show reads an artifact's manifest, calls each, unless it is nil, for every
// layer in path order, and verifies what vouches for it. Errors:
// [fault.NotFound], [fault.Corrupt], and each's.
func (n *Node) Show(ctx context.Context, r dag.Reference, each func(dag.Descriptor) error) (Description, error) {
	a, err := n.resolve(ctx, r)
	if err != nil {
		return Description{}, fault.Wrap(fault.Other, "show", r.String(), err)
	}
	d, err := n.describe(ctx, a, each)
	if err == nil {
		d.Referrers, err = n.referrers(ctx, a, d.Block)
	}
	return d, fault.Wrap(fault.Other, "show", r.String(), err)
}

func (n *Node) describe(ctx context.Context, a Artifact, each func(dag.Descriptor) error) (d Description, err error) {
	d.Artifact = a
	if d.Block, err = n.store.Get(ctx, a.Manifest); err != nil {
		return d, err
	}
	if d.Manifest, err = dag.DecodeManifest(d.Block); err != nil {
		return d, err
	}
	err = d.Manifest.Layers(ctx, n.store, "", func(l dag.Descriptor) error {
		if l.MediaType != dag.TypeDirectory && l.MediaType != dag.TypeSymlink {
			d.Files++
			d.Bytes += int64(l.Size)
		}
		if each == nil {
			return nil
		}
		return each(l)
	})
	return d, err
}

func (n *Node) manifest(ctx context.Context, a Artifact) (*dag.Manifest, error) {
	b, err := n.store.Get(ctx, a.Manifest)
	if err != nil {
		return nil, err
	}
	return dag.DecodeManifest(b)
}

// Verify reads every block of an artifact and checks it. Where there is
// anything wrong the error is [fault.Corrupt] and the report lists it.
func (n *Node) Verify(ctx context.Context, r dag.Reference, progress restore.Progress) (Artifact, restore.Report, error) {
	a, err := n.resolve(ctx, r)
	if err != nil {
		return a, restore.Report{}, fault.Wrap(fault.Other, "verify", r.String(), err)
	}
	report, err := restore.Verify(ctx, n.store, a.Manifest, progress)
	return a, report, err
}
