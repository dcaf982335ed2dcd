package restore

import (
	"context"
	"io"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Stream writes the content of the file at path to w and returns how many
// bytes it wrote; each was verified before. With path "" the artifact must
// hold one file only. Other than a file at path is [fault.Invalid], nothing
// there [fault.NotFound]; an error of w is returned as it is.
func Stream(ctx context.Context, g dag.Getter, manifest dag.CID, path string, w io.Writer) (int64, error) {
	d, err := locate(ctx, g, manifest, path)
	if err != nil {
		return 0, fault.Wrap(fault.Other, "stream", manifest.Digest.String(), err)
	}
	f := newFetcher(g)
	b, err := f.open(ctx, d)
	if err == nil && b.sealed {
		err = sealed(b.root)
	}
	if err != nil {
		return 0, fault.Wrap(fault.Other, "stream", path, err)
	}
	var written int64
	err = f.each(ctx, b, 0, func(p piece) error {
		if p.err != nil {
			return fault.Wrap(fault.Other, "stream", path, p.err)
		}
		n, err := w.Write(p.data)
		written += int64(n)
		if err == nil {
			err = ctx.Err()
		}
		return err
	})
	return written, err
}

// locate finds the one file that is meant.
func locate(ctx context.Context, g dag.Getter, manifest dag.CID, path string) (dag.Descriptor, error) {
	p, err := newPlan(ctx, g, manifest, nil)
	if err != nil {
		return dag.Descriptor{}, err
	}
	var d dag.Descriptor
	if path == "" {
		d, err = p.only(ctx)
	} else {
		d, err = p.manifest.Layer(ctx, g, path)
	}
	if err != nil {
		return d, err
	}
	switch d.MediaType {
	case dag.TypeDirectory:
		return d, fault.New(fault.Invalid, "open", path, "it is a directory")
	case dag.TypeSymlink:
		target, err := d.LinkTarget()
		if err != nil {
			return d, err
		}
		return d, fault.New(fault.Invalid, "open", path, "it is a symlink to %q", target)
	}
	return d, nil
}

// only returns the artifact's one layer.
func (p *plan) only(ctx context.Context) (dag.Descriptor, error) {
	if n := p.manifest.Count(); n != 1 {
		err := fault.New(fault.Invalid, "open", "", "the artifact holds %d entries, not one file", n)
		return dag.Descriptor{}, fault.Hint(err, "name a path in it")
	}
	var only dag.Descriptor
	err := p.manifest.Layers(ctx, p.g, "", func(d dag.Descriptor) error {
		only = d
		return nil
	})
	return only, err
}
