package node

import (
	"context"
	"io"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/restore"
)

// GetRequest says what to write to disk, and where.
type GetRequest struct {
	Reference dag.Reference
	// Target is the directory that receives the artifact's paths. "" means the
	// last element of the repository, beneath the current directory; and the
	// current directory itself for an artifact that is one file at its root.
	Target    string
	Overwrite bool
	Paths     []string // a part of the artifact; none is all
	Progress  restore.Progress
}

// GetResult tells what was written.
type GetResult struct {
	restore.Result
	Artifact Artifact
	Target   string
	Elapsed  time.Duration
}

// Get writes an artifact to disk, verifying every byte, and goes on from where
// an interrupted one stopped. Errors are those of [restore.Restore], and
// [fault.NotFound] for the reference.
func (n *Node) Get(ctx context.Context, req GetRequest) (GetResult, error) {
	began := n.now()
	a, err := n.resolve(ctx, req.Reference)
	if err != nil {
		return GetResult{}, fault.Wrap(fault.Other, "get", req.Reference.String(), err)
	}
	res := GetResult{Artifact: a, Target: req.Target}
	if res.Target == "" {
		if res.Target, err = n.defaultTarget(ctx, a); err != nil {
			return res, fault.Wrap(fault.Other, "get", req.Reference.String(), err)
		}
	}
	res.Result, err = restore.Restore(ctx, n.store, restore.Request{
		Manifest: a.Manifest, Target: res.Target, Overwrite: req.Overwrite,
		Paths: req.Paths, Progress: req.Progress,
	})
	res.Elapsed = n.now().Sub(began)
	return res, fault.Wrap(fault.Other, "get", req.Reference.String(), damaged(err))
}

// damaged tells whoever meets bytes that are not what they should be how to
// learn more.
func damaged(err error) error {
	if fault.Is(err, fault.Corrupt) && fault.HintOf(err) == "" {
		err = fault.Hint(err, "see what is damaged and what needs it: artifact fsck")
	}
	return err
}

// defaultTarget is the directory for an artifact that was given none.
func (n *Node) defaultTarget(ctx context.Context, a Artifact) (string, error) {
	m, err := n.manifest(ctx, a)
	if err != nil {
		return "", err
	}
	target := filepath.Join(".", path.Base(a.Repository))
	if m.Count() != 1 {
		return target, nil
	}
	err = m.Layers(ctx, n.store, "", func(d dag.Descriptor) error {
		at, err := d.Path()
		if d.MediaType != dag.TypeDirectory && !strings.Contains(at, "/") {
			target = "."
		}
		return err
	})
	return target, err
}

// Cat writes the content of one file to w, verified, and returns its length.
// With at "" the artifact must be a single file. Errors are those of
// [restore.Stream], and [fault.NotFound] for the reference.
func (n *Node) Cat(ctx context.Context, r dag.Reference, at string, w io.Writer) (int64, error) {
	a, err := n.resolve(ctx, r)
	if err != nil {
		return 0, fault.Wrap(fault.Other, "get", r.String(), err)
	}
	written, err := restore.Stream(ctx, n.store, a.Manifest, at, w)
	return written, fault.Wrap(fault.Other, "get", r.String(), damaged(err))
}
