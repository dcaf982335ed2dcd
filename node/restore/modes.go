package restore

import (
	"context"
	"strings"
)

// setModes gives the directories of the plan their permissions, each after
// all that it holds: some may not be entered any more. In path order all that
// a directory holds follows it, so those that are still open are its parents.
func (r *restorer) setModes(ctx context.Context) error {
	var open []entry
	closeUntil := func(path string) error {
		for len(open) > 0 && !strings.HasPrefix(path, open[len(open)-1].path+"/") {
			if err := r.setMode(open[len(open)-1]); err != nil {
				return err
			}
			open = open[:len(open)-1]
		}
		return nil
	}
	err := r.plan.each(ctx, func(e entry) error {
		if err := closeUntil(e.path); err != nil {
			return err
		}
		if e.kind == directory {
			open = append(open, e)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	return closeUntil("")
}

func (r *restorer) setMode(e entry) error {
	parent, err := r.target.enter(e.dir(), false)
	if err != nil {
		return osError("restore", e.path, err)
	}
	defer parent.Close()
	info, err := parent.Lstat(e.base())
	if err != nil {
		return osError("restore", e.path, err)
	}
	if !info.IsDir() {
		return inTheWay(e.path, info, directory)
	}
	if info.Mode().Perm() == e.mode {
		return nil
	}
	return osError("restore", e.path, parent.Chmod(e.base(), e.mode))
}
