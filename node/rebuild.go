package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
)

// RebuildProgress is told how many of the segments have been begun.
type RebuildProgress func(done, total int)

// RebuildIndex builds the index anew from the packs and puts it in the place
// of the old, which it leaves alone until the new one is whole. Cut short at
// any point, it leaves the old index, the new one, or none, in which case the
// store does not open and a second run completes the work.
//
// It is [fault.Denied] where a segment cannot be read, since the index may be
// all that is known of it. Other errors are those of [With]. progress may be
// nil.
func RebuildIndex(ctx context.Context, cfg Config, progress RebuildProgress) (err error) {
	const op = "rebuild index"
	cfg = cfg.defaults()
	h, err := home.Open(cfg.Dir, home.Options{Holder: cfg.Holder, Now: cfg.Now, Random: cfg.Random})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	packs, err := pack.OS(h.PacksDir(), pack.OSOptions{})
	if err != nil {
		return err
	}
	if err := store.MayRebuildIndex(packs, h.ID()); err != nil {
		return err
	}
	fresh := h.IndexDir() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fault.Wrap(fault.Other, op, fresh, err)
	}
	if err := build(ctx, h, fresh, cfg, progress); err != nil {
		return fault.Wrap(fault.Other, op, fresh, err)
	}
	return fault.Wrap(fault.Other, op, h.IndexDir(), swap(h.IndexDir(), fresh))
}

// build makes an index in dir: opening a store over an empty one fills it.
func build(ctx context.Context, h *home.Home, dir string, cfg Config, progress RebuildProgress) error {
	id, err := h.Identity(cfg.Random, cfg.Site)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	s, err := openStore(ctx, h, dir, cfg, func(o *store.Options) {
		o.Rebuild = true
		identify(o, id)
		if progress != nil {
			o.Packs = &watchedPacks{FS: o.Packs, tell: progress, begun: make(map[string]struct{})}
		}
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return s.Close()
}

// swap puts fresh in the place of index. Between the renames there is none.
func swap(index, fresh string) error {
	old := index + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	// What fresh is made of was made durable by closing it; now its name is.
	for _, rename := range [][2]string{{index, old}, {fresh, index}} {
		if err := os.Rename(rename[0], rename[1]); err != nil {
			return err
		}
		if err := syncNames(filepath.Dir(index)); err != nil {
			return err
		}
	}
	return os.RemoveAll(old)
}

// syncNames makes the names in dir durable. Windows has no such call: its file
// systems journal names.
func syncNames(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// watchedPacks tells how many files have been opened, each counted once.
type watchedPacks struct {
	pack.FS
	tell RebuildProgress

	mu    sync.Mutex // guards begun, and that tell is called by one at a time
	total int
	begun map[string]struct{}
}

// List implements [pack.FS].
func (w *watchedPacks) List() ([]string, error) {
	names, err := w.FS.List()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total = len(names)
	return names, err
}

// Open implements [pack.FS].
func (w *watchedPacks) Open(name string) (pack.File, error) {
	w.mu.Lock()
	w.begun[name] = struct{}{}
	w.tell(len(w.begun), max(w.total, len(w.begun)))
	w.mu.Unlock()
	return w.FS.Open(name)
}
