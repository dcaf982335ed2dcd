package restore

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// plan is the selected part of an artifact's layers. It is read from the
// manifest anew for each pass, so that any number of files takes no memory.
type plan struct {
	g        dag.Getter
	manifest *dag.Manifest
	paths    []string // sorted, none beneath another; empty selects all
}

// newPlan reads the manifest. Errors as [dag.DecodeManifest], and
// [fault.Invalid] for a malformed path.
func newPlan(ctx context.Context, g dag.Getter, manifest dag.CID, paths []string) (*plan, error) {
	block, err := g.Get(ctx, manifest)
	if err != nil {
		return nil, err
	}
	p := &plan{g: g}
	if p.manifest, err = dag.DecodeManifest(block); err != nil {
		return nil, err
	}
	p.paths, err = selection(paths)
	return p, err
}

// selection normalises what was asked for: sorted as layers are, without what
// another path covers. "." is everything.
func selection(paths []string) ([]string, error) {
	clean := make([]string, 0, len(paths))
	for _, p := range paths {
		p = path.Clean(p)
		if p == "." {
			return nil, nil
		}
		if err := dag.ValidatePath(p); err != nil {
			return nil, err
		}
		clean = append(clean, p)
	}
	slices.SortFunc(clean, dag.ComparePaths)
	kept := clean[:0]
	for _, p := range clean {
		if len(kept) == 0 || !within(p, kept[len(kept)-1]) {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// within reports whether p is top or lies beneath it.
func within(p, top string) bool {
	return p == top || len(p) > len(top) && p[len(top)] == '/' && strings.HasPrefix(p, top)
}

// each calls fn with every selected entry in path order. A selected path that
// the artifact does not have is [fault.NotFound].
func (p *plan) each(ctx context.Context, fn func(entry) error) error {
	if len(p.paths) == 0 {
		return p.manifest.Layers(ctx, p.g, "", func(d dag.Descriptor) error {
			e, err := newEntry(d)
			if err != nil {
				return err
			}
			return fn(e)
		})
	}
	for _, top := range p.paths {
		if err := p.beneath(ctx, top, fn); err != nil {
			return err
		}
	}
	return nil
}

// beneath calls fn with the entry at top and all beneath it, which follow it.
func (p *plan) beneath(ctx context.Context, top string, fn func(entry) error) error {
	found := false
	err := p.manifest.Layers(ctx, p.g, top, func(d dag.Descriptor) error {
		e, err := newEntry(d)
		if err != nil {
			return err
		}
		if !within(e.path, top) {
			return fs.SkipAll
		}
		found = true
		return fn(e)
	})
	if err == nil && !found {
		err = fault.New(fault.NotFound, "select", top, "the artifact has nothing at this path")
	}
	return err
}

// survey is what a plan amounts to.
type survey struct {
	files, links, directories int64
	bytes                     int64
}

// check walks the whole plan and refuses it where an entry is not well formed
// or where allowed refuses it, so that nothing of it is begun.
func (p *plan) check(ctx context.Context, allowed func(entry) error) (survey, error) {
	var s survey
	err := p.each(ctx, func(e entry) error {
		switch e.kind {
		case file:
			s.files++
			s.bytes += int64(e.layer.Size)
			if len(e.layer.Seal) > 0 {
				return sealed(e.layer.Root)
			}
		case symlink:
			s.links++
		case directory:
			s.directories++
		}
		return allowed(e)
	})
	return s, err
}
