package restore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tegwick/artifact-store/dag"
)

// writeLinks makes the symlinks of the plan. No file is written any more, so
// nothing goes through them, wherever they lead.
func (r *restorer) writeLinks(ctx context.Context) error {
	at := cursor{target: r.target}
	defer at.close()
	return r.plan.each(ctx, func(e entry) error {
		if e.kind != symlink {
			return ctx.Err()
		}
		return osError("restore", e.path, r.writeLink(&at, e))
	})
}

func (r *restorer) writeLink(at *cursor, e entry) error {
	parent, err := at.in(e.dir())
	if err != nil {
		return err
	}
	link := filepath.FromSlash(e.link)
	info, err := parent.Lstat(e.base())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.files.Add(1)
		return parent.Symlink(link, e.base())
	case err != nil:
		return err
	case leadsTo(parent, e, info):
		r.skipped.Add(1)
		return nil
	}
	if err := r.target.replaceable(e, info); err != nil {
		return err
	}
	partial := dag.PartialName(dag.Sum([]byte(e.link)))
	if err := parent.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := parent.Symlink(link, partial); err != nil {
		return err
	}
	r.files.Add(1)
	return parent.Rename(partial, e.base())
}

// leadsTo reports whether what stands in e's place, info, is e's symlink.
func leadsTo(parent *os.Root, e entry, info fs.FileInfo) bool {
	if info.Mode().Type() != fs.ModeSymlink {
		return false
	}
	link, err := parent.Readlink(e.base())
	return err == nil && link == filepath.FromSlash(e.link)
}
