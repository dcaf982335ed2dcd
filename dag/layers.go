package dag

import (
	"context"
	"errors"
	"io/fs"
	"sort"

	"github.com/tegwick/artifact-store/dag/fault"
)

const opReadLayers = "read layers"

// Layers calls fn for each layer in path order, from the first whose path is
// not before from; with from "" for all of them. It reads the pages that it
// needs and no more, and checks their order: pages that [ManifestBuilder]
// could not have written for any layers are [fault.Invalid]. fn may end the
// walk with [fs.SkipAll].
//
// Whether a layer lies beneath one that is not a directory is known only to a
// walk from "".
func (m *Manifest) Layers(ctx context.Context, g Getter, from string, fn func(Descriptor) error) error {
	w := layerWalk{get: g, from: from, fn: fn}
	err := w.layers(m.layers)
	if err == nil {
		err = w.pages(ctx, m.pages, 1)
	}
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// Layer returns the layer at path, or [fault.NotFound]. It reads one page a
// level.
func (m *Manifest) Layer(ctx context.Context, g Getter, path string) (Descriptor, error) {
	if err := ValidatePath(path); err != nil {
		return Descriptor{}, err
	}
	var found *Descriptor
	err := m.Layers(ctx, g, path, func(d Descriptor) error {
		if at, err := d.Path(); err == nil && at == path {
			found = &d
		}
		return fs.SkipAll
	})
	if err != nil {
		return Descriptor{}, err
	}
	if found == nil {
		return Descriptor{}, fault.New(fault.NotFound, opReadLayers, quote(path), "the artifact has no such path")
	}
	return *found, nil
}

// layerWalk is one walk over a manifest's layers.
type layerWalk struct {
	get    Getter
	from   string
	fn     func(Descriptor) error
	order  sequence
	bottom int // depth of the pages of layers; 0 until the first is met
}

func (w *layerWalk) layers(layers []Descriptor) error {
	for _, d := range layers {
		path, err := w.order.next(opReadLayers, d)
		if err != nil {
			return err
		}
		if ComparePaths(path, w.from) < 0 {
			continue
		}
		if err := w.fn(d); err != nil {
			return err
		}
	}
	return nil
}

// pages goes through pages at depth, from the last that may hold w.from.
func (w *layerWalk) pages(ctx context.Context, pages []page, depth int) error {
	start := 0
	if w.from != "" {
		after := func(i int) bool { return ComparePaths(string(pages[i].First), w.from) > 0 }
		start = max(0, sort.Search(len(pages), after)-1)
	}
	for _, p := range pages[start:] {
		if err := w.page(ctx, p, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *layerWalk) page(ctx context.Context, p page, depth int) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, opReadLayers, p.Link.String(), format, args...)
	}
	b, err := fetch(ctx, w.get, p.Link)
	if err != nil {
		return fault.Wrap(fault.Other, opReadLayers, p.Link.String(), err)
	}
	var n pageNode[Descriptor, page]
	if err := decodeNode(opReadLayers, b, &n); err != nil {
		return err
	}
	within := Manifest{layers: n.Layers, pages: n.Pages}
	switch {
	case (len(n.Layers) == 0) == (len(n.Pages) == 0):
		return bad("a page has either layers or pages")
	case len(n.Pages) > 0 && depth == MaxPageDepth:
		return fault.New(fault.TooLarge, opReadLayers, p.Link.String(), "pages are deeper than %d levels", MaxPageDepth)
	}
	if err := checkPages(opReadLayers, p.Link, n.Pages); err != nil {
		return err
	}
	if within.Count() != p.Count {
		return bad("a page of %d layers where %d are expected", within.Count(), p.Count)
	}
	if len(n.Pages) > 0 {
		if string(n.Pages[0].First) != string(p.First) {
			return bad("a page does not begin with %s", quote(string(p.First)))
		}
		return w.pages(ctx, n.Pages, depth+1)
	}
	if w.bottom == 0 {
		w.bottom = depth
	}
	if path, err := n.Layers[0].Path(); err != nil || path != string(p.First) || w.bottom != depth {
		return bad("a page does not begin with %s, or is not at the depth of the others", quote(string(p.First)))
	}
	return w.layers(n.Layers)
}
