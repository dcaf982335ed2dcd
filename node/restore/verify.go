package restore

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Verify reads every block of an artifact and checks it: each block by its
// CID, the structure and sizes of manifest, pages and trees, each blob's whole
// content by every digest that the manifest or the tree's root gives, and the
// OCI manifest by its digest and for agreement with the manifest. It goes on
// after a problem as far as it can. Where there is any the error is
// [fault.Corrupt] and the report lists them; other errors are ctx's.
func Verify(ctx context.Context, g dag.Getter, manifest dag.CID, progress Progress) (Report, error) {
	v := &verifier{meter: meter{tell: progress}}
	v.g = doubter{g: g, l: &v.ledger}
	v.fetch = newFetcher(v.g)
	if err := v.artifact(ctx, manifest); err != nil {
		return v.report, fault.Wrap(fault.Other, "verify", manifest.Digest.String(), err)
	}
	return v.finish(manifest)
}

type verifier struct {
	ledger
	g     dag.Getter
	fetch *fetcher
	meter meter
	good  goodBlobs
}

// artifact checks the whole; what is wrong goes to the ledger, and an error
// ends the work.
func (v *verifier) artifact(ctx context.Context, root dag.CID) error {
	block, err := v.g.Get(ctx, root)
	if err != nil {
		return v.note(ctx, PartManifest, "", root, err)
	}
	m, err := dag.DecodeManifest(block)
	if err != nil {
		return v.note(ctx, PartManifest, "", root, err)
	}
	if v.meter.tell != nil {
		v.total(ctx, m)
	}
	if m.Config != nil {
		if err := v.blob(ctx, PartConfig, "", *m.Config); err != nil {
			return err
		}
	}
	layers, err := v.layers(ctx, root, m)
	if err != nil || m.OCI == nil {
		return err
	}
	return v.oci(ctx, m, layers)
}

// total counts for the progress what there is to read. A list of layers that
// cannot be read is found later.
func (v *verifier) total(ctx context.Context, m *dag.Manifest) {
	for _, d := range []*dag.Descriptor{m.Config, m.OCI} {
		if d != nil {
			v.meter.now.TotalBytes += int64(d.Size)
		}
	}
	_ = m.Layers(ctx, v.g, "", func(d dag.Descriptor) error {
		if isFile(d) {
			v.meter.now.TotalFiles++
		}
		v.meter.now.TotalBytes += int64(d.Size)
		return nil
	})
}

// isFile reports whether d is neither a directory nor a symlink.
func isFile(d dag.Descriptor) bool {
	return d.MediaType != dag.TypeDirectory && d.MediaType != dag.TypeSymlink
}

// layers checks every layer, several at once, and returns them where the
// artifact has an OCI manifest to compare with; such a one is not large.
func (v *verifier) layers(ctx context.Context, root dag.CID, m *dag.Manifest) ([]dag.Descriptor, error) {
	group, inner := errgroup.WithContext(ctx)
	todo := make(chan dag.Descriptor, workers())
	for range workers() {
		group.Go(func() error {
			for d := range todo {
				if err := v.layer(inner, d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var kept []dag.Descriptor
	group.Go(func() error {
		defer close(todo)
		err := m.Layers(inner, v.g, "", func(d dag.Descriptor) error {
			if m.OCI != nil && len(kept) <= maxOCILayers {
				kept = append(kept, d)
			}
			select {
			case todo <- d:
				return nil
			case <-inner.Done():
				return context.Cause(inner)
			}
		})
		if err == nil {
			return nil
		}
		return v.note(inner, PartPages, "", root, err)
	})
	return kept, group.Wait()
}

// layer checks one layer's content; its entry the walk has checked.
func (v *verifier) layer(ctx context.Context, d dag.Descriptor) error {
	path, err := d.Path()
	if err != nil {
		return v.note(ctx, PartLayer, "", d.Root, err)
	}
	if path == "" {
		path = digestName(d)
	}
	if err := v.blob(ctx, PartLayer, path, d); err != nil {
		return err
	}
	if isFile(d) {
		v.count(0, 1, 0, 0)
		v.meter.add(1, 0)
	}
	return nil
}

// blob checks the content that d describes.
func (v *verifier) blob(ctx context.Context, part Part, path string, d dag.Descriptor) error {
	if v.good.has(d) {
		v.count(0, 0, int64(d.Size), 0)
		v.meter.add(0, int64(d.Size))
		return nil
	}
	b, err := v.fetch.open(ctx, d)
	if err != nil {
		return v.note(ctx, part, path, d.Root, err)
	}
	if b.size == 0 {
		if p := v.fetch.load(ctx, 0, b.root, 0); p.err != nil {
			return v.note(ctx, part, path, b.root, p.err)
		}
	}
	claims := claimed(d, b)
	sums := newSums(claims)
	whole := true
	err = v.fetch.each(ctx, b, 0, func(p piece) error {
		if p.err != nil {
			whole = false
			return v.note(ctx, part, path, p.cid, p.err)
		}
		if whole {
			sums.write(p.data)
		}
		v.count(0, 0, int64(len(p.data)), 0)
		v.meter.add(0, int64(len(p.data)))
		return ctx.Err()
	})
	switch {
	case err != nil:
		return v.note(ctx, part, path, b.root, err)
	case b.sealed:
		v.count(0, 0, 0, 1)
		return nil
	case whole && v.compare(part, path, b.root, claims, sums):
		v.good.add(d)
	}
	return nil
}

// compare holds what was computed against what is claimed.
func (v *verifier) compare(part Part, path string, root dag.CID, claims []claim, sums sums) bool {
	right := true
	for _, c := range claims {
		if got, ok := sums.of(c.algorithm); ok && string(got) != string(c.sum) {
			right = false
			v.add(Problem{Part: part, Path: path, Block: root, Kind: fault.Corrupt, Text: fmt.Sprintf(
				"the content's %s is %x where %s says %x", c.algorithm, got, c.by, c.sum)})
		}
	}
	return right
}
