package node

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/chunk"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/ingest"
	"github.com/tegwick/artifact-store/store"
)

// Unnamed is the repository of what is put without a name.
const Unnamed = "local/unnamed"

// defaultProfile cuts what is put without a choice.
const defaultProfile = "default"

// PutRequest says what to put, and under which name.
type PutRequest struct {
	Repository string // "" means [Unnamed]
	Tag        string // may be empty
	// Profile names the chunk profile; "" is "default". It takes the place of
	// the one in Content.
	Profile string
	// Key, where it is set, signs the artifact and claims the name for it, before
	// it is published: a policy may ask for that.
	Key *SigningKey
	// Content says what; its Exclude is set here, to the store's directories.
	Content ingest.Request
}

// PutResult tells what was put.
type PutResult struct {
	ingest.Result
	Artifact Artifact
	// Reference names the artifact by its tag, or else by its digest.
	Reference dag.Reference
	Elapsed   time.Duration
}

// Put keeps content and publishes it under its name: all of it at once, and
// durably on return. Before that nothing of it is visible, however it ends.
// Errors are those of [ingest.Ingest] and [store.Lease.Publish].
func (n *Node) Put(ctx context.Context, req PutRequest) (PutResult, error) {
	began := n.now()
	if req.Repository == "" {
		req.Repository = Unnamed
	}
	if err := checkName(req.Repository, req.Tag); err != nil {
		return PutResult{}, err
	}
	if req.Profile == "" {
		req.Profile = defaultProfile
	}
	profile, err := chunk.Lookup(req.Profile)
	if err != nil {
		return PutResult{}, err
	}
	req.Content.Profile = profile
	if req.Content.Exclude, err = n.own(); err != nil {
		return PutResult{}, err
	}
	lease := n.store.Begin()
	defer lease.Release()
	kept, err := ingest.Ingest(ctx, lease, req.Content)
	if err != nil {
		return PutResult{}, fault.Wrap(fault.Other, "put", req.Repository, err)
	}
	if err := context.Cause(ctx); err != nil {
		return PutResult{}, err
	}
	if req.Key != nil {
		if err := n.claimBefore(ctx, *req.Key, req, kept.Manifest); err != nil {
			return PutResult{}, fault.Wrap(fault.Other, "put", req.Repository, err)
		}
	}
	// From here on it is short, and whoever gives up is owed a clear answer:
	// it was published, or it was not.
	a, err := n.publish(context.WithoutCancel(ctx), lease, store.Publication{
		Repository: req.Repository, Tag: req.Tag, Manifest: kept.Manifest, ArtifactType: req.Content.ArtifactType,
	})
	if err != nil {
		return PutResult{}, fault.Wrap(fault.Other, "put", req.Repository, err)
	}
	return PutResult{Result: kept, Artifact: a, Reference: nameOf(a, req.Tag), Elapsed: n.now().Sub(began)}, nil
}

// claimBefore signs what a lease holds, for the name that it is about to have.
// Should it not come to that, the claim stays, and says nothing of anything.
func (n *Node) claimBefore(ctx context.Context, key SigningKey, req PutRequest, manifest dag.CID) error {
	block, err := n.store.Get(ctx, manifest)
	if err != nil {
		return err
	}
	name := dag.Reference{Repository: req.Repository, Tag: req.Tag}
	l, err := n.store.Log(ctx, name.Namespace())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	_, err = n.vouch(ctx, key, Artifact{Repository: req.Repository, Manifest: manifest, Index: l.Size}, block, name)
	return err
}

// own describes the directories of the store, which no put may keep: it would
// read what it writes.
func (n *Node) own() ([]fs.FileInfo, error) {
	var own []fs.FileInfo
	for _, dir := range []string{n.home.Dir(), n.home.PacksDir(), n.home.IndexDir()} {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, fault.Wrap(fault.Other, "put", dir, err)
		}
		own = append(own, info)
	}
	return own, nil
}

// nameOf is the reference to a by tag, or without one by its digest.
func nameOf(a Artifact, tag string) dag.Reference {
	if tag != "" {
		return dag.Reference{Repository: a.Repository, Tag: tag}
	}
	return dag.Reference{Repository: a.Repository, Digest: a.Digest()}
}

func checkName(repository, tag string) error {
	if err := dag.ValidateRepository(repository); err != nil {
		return err
	}
	if tag == "" {
		return nil
	}
	return dag.ValidateTag(tag)
}
