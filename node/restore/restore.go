// Package restore gives an artifact's content back: as a tree of files on
// disk, as a stream, or as a report that every byte of it is right.
//
// What a manifest says is not trusted: nothing is written outside the target,
// through a symlink, over something else unless that is asked for, or under
// its name before it is whole. The content itself is what its CIDs say, which
// the [dag.Getter] has checked.
package restore

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Request says what to restore, and where.
type Request struct {
	Manifest dag.CID
	// Target is the directory that the artifact's paths are relative to. It is
	// made where it is missing, and so are its parents.
	Target string
	// Overwrite replaces files and symlinks in the target that are not the
	// artifact's, each at once when the new one is whole. Directories and what
	// they hold beside are left as they are in any case.
	Overwrite bool
	// Paths select a part of the artifact: each what is at it and beneath it.
	// None, or ".", is everything.
	Paths []string
	// Progress may be nil.
	Progress Progress
}

// Result is what a restore did.
type Result struct {
	Files   int64 // files and symlinks written
	Bytes   int64 // content of the files written, with what was resumed
	Skipped int64 // files and symlinks that were there already, and right
	Resumed int64 // bytes of Bytes that an earlier, interrupted restore wrote
}

// Restore writes an artifact to disk. It returns when all stands under its
// name with its permissions, which the umask does not change; symlinks come
// after files, the permissions of directories last. It does not wait for the
// disk: a power failure may lose what it wrote.
//
// Where it fails or ctx ends, what is done stays and a file that is not whole
// is kept beside its place as .artifact-partial-<16 digits>; another
// Restore takes it up. Its errors are [fault.Invalid] for a manifest that
// asks for what is never done, [fault.Conflict] for something else in the
// target, [fault.Denied] for sealed content or what the operating system
// refuses, [fault.NotFound] for a path or block that is not there,
// [fault.Corrupt] for one that is not what it should be and [fault.Full].
// Before anything is written the whole manifest has been checked, and the
// target for what can be known from names, types and sizes.
func Restore(ctx context.Context, g dag.Getter, req Request) (Result, error) {
	p, err := newPlan(ctx, g, req.Manifest, req.Paths)
	if err != nil {
		return Result{}, fault.Wrap(fault.Other, "restore", req.Manifest.Digest.String(), err)
	}
	sum, err := inspect(ctx, p, req)
	if err != nil {
		return Result{}, err
	}
	t, err := openTarget(req.Target, true, req.Overwrite)
	if err != nil {
		return Result{}, err
	}
	defer t.close()
	r := &restorer{
		target: t, plan: p, fetch: newFetcher(g),
		meter: meter{tell: req.Progress, now: Event{TotalFiles: sum.files, TotalBytes: sum.bytes}},
	}
	if err := r.run(ctx, sum); err != nil {
		if fault.HintOf(err) == "" && !fault.Is(err, fault.Corrupt) {
			err = fault.Hint(err, "what is written so far is kept: the same command goes on from there")
		}
		return r.result(), err
	}
	return r.result(), nil
}

// inspect checks the plan, and against the target if that is there already.
func inspect(ctx context.Context, p *plan, req Request) (survey, error) {
	t, err := openTarget(req.Target, false, req.Overwrite)
	if err != nil {
		return survey{}, err
	}
	if t == nil {
		return p.check(ctx, func(entry) error { return nil })
	}
	defer t.close()
	look := lookout{target: t}
	defer look.close()
	return p.check(ctx, look.allowed)
}

// restorer carries out a plan.
type restorer struct {
	target *target
	plan   *plan
	fetch  *fetcher
	meter  meter
	busy   busy

	files, bytes, skipped, resumed atomic.Int64
}

func (r *restorer) result() Result {
	return Result{Files: r.files.Load(), Bytes: r.bytes.Load(), Skipped: r.skipped.Load(), Resumed: r.resumed.Load()}
}

func (r *restorer) run(ctx context.Context, sum survey) error {
	if err := r.writeFiles(ctx); err != nil {
		return err
	}
	if sum.links > 0 {
		if err := r.writeLinks(ctx); err != nil {
			return err
		}
	}
	if sum.directories > 0 {
		return r.setModes(ctx)
	}
	return nil
}

// A batch is files of one directory, handed to one worker together.
const (
	batchFiles = 64
	batchBytes = 1 << 20
)

// workers is how many files are written at once.
func workers() int { return min(max(runtime.GOMAXPROCS(0), 2), 8) }

// writeFiles makes all directories and files of the plan.
func (r *restorer) writeFiles(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan []entry)
	for range workers() {
		group.Go(func() error {
			at := cursor{target: r.target}
			defer at.close()
			for batch := range batches {
				for _, e := range batch {
					if err := r.writeFile(ctx, &at, e); err != nil {
						return osError("restore", e.path, err)
					}
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(batches)
		return r.dispatch(ctx, batches)
	})
	return group.Wait()
}

// dispatch makes the directories itself, before what they hold, and hands out
// the files.
func (r *restorer) dispatch(ctx context.Context, batches chan<- []entry) error {
	at := cursor{target: r.target}
	defer at.close()
	var batch []entry
	var size uint64
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		select {
		case batches <- batch:
			batch, size = nil, 0
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err := r.plan.each(ctx, func(e entry) error {
		switch e.kind {
		case directory:
			return osError("restore", e.path, r.makeDirectory(&at, e))
		case symlink:
			return nil
		}
		if len(batch) > 0 && (len(batch) == batchFiles || size >= batchBytes || batch[0].dir() != e.dir()) {
			if err := flush(); err != nil {
				return err
			}
		}
		batch, size = append(batch, e), size+e.layer.Size
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// makeDirectory makes e, or checks that it is there, open to its owner until
// [restorer.setModes].
func (r *restorer) makeDirectory(at *cursor, e entry) error {
	parent, err := at.in(e.dir())
	if err != nil {
		return err
	}
	info, err := parent.Lstat(e.base())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return parent.Mkdir(e.base(), ownerOnly)
	case err != nil:
		return err
	case !info.IsDir():
		return r.target.replaceable(e, info)
	case info.Mode().Perm()&ownerOnly != ownerOnly:
		return parent.Chmod(e.base(), info.Mode().Perm()|ownerOnly)
	}
	return nil
}

const ownerOnly fs.FileMode = 0o700
