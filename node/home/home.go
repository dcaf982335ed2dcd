// Package home keeps the directory of a store: what marks it, who holds it, and
// that there is room in it; who its node is, and the keys of its operators. What
// it knows of how far its logs have come it keeps elsewhere ([Watermark]).
//
//	artifact-store.json   the marker: format and identity of the store
//	lock                  held by the process that has the store open
//	node.key              the node's key and site
//	keys/                 the operators' keys, by name
//	packs/                bulk bytes
//	index/                the metadata plane
//	ballast               allocated and unused, for the day the disk is full
package home

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	markerName  = "artifact-store.json"
	lockName    = "lock"
	packsName   = "packs"
	indexName   = "index"
	ballastName = "ballast"
	nodeKeyName = "node.key"
	keysName    = "keys"
	probeName   = ".probe"
)

// Options are what a directory is opened with. The zero value opens an existing
// one.
type Options struct {
	// Create makes a store of a directory that is absent or empty.
	Create bool
	// Holder says who holds the directory, to whoever finds it held, as in
	// "artifact serve".
	Holder string
	// Ballast is its size in bytes: 0 means 32 MiB, or 1/32 of a file system
	// smaller than 1 GiB; a negative one means none.
	Ballast int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Random is where a new identity comes from; nil means crypto/rand.
	Random io.Reader
}

// Home is the open directory of a store. It is safe for concurrent use.
type Home struct {
	dir     string
	id      [16]byte
	created bool
	lock    *flock.Flock
	space   space
	keys    sync.Mutex // guards the making of node.key and the changes in keys/
}

// Open opens dir and holds it until [Home.Close]. Errors, each with a hint:
// [fault.NotFound] where there is no store and none is to be made,
// [fault.Invalid] where the directory is something else's or of a newer format,
// [fault.Corrupt] where the marker cannot be read, [fault.Unavailable] where
// another process holds it, [fault.Denied] where it cannot be written to, and
// [fault.Full] where there is no room even to open the index safely.
func Open(dir string, opt Options) (*Home, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Random == nil {
		opt.Random = rand.Reader
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, wrap(dir, err)
	}
	// A lock file is left only in a directory that is a store's or becomes one.
	if err := admissible(abs, opt.Create); err != nil {
		return nil, err
	}
	if err := makeDir(abs); err != nil {
		return nil, wrap(abs, err)
	}
	h := &Home{dir: abs}
	if h.lock, err = acquire(abs, opt); err != nil {
		return nil, err
	}
	if err := h.load(opt); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// load reads the marker, or makes it, and sees to the space. The lock is held.
func (h *Home) load(opt Options) error {
	if err := admissible(h.dir, opt.Create); err != nil { // it may have changed before the lock
		return err
	}
	if err := probe(h.dir); err != nil {
		return wrap(h.dir, err)
	}
	for _, sub := range []string{h.PacksDir(), h.IndexDir()} {
		if err := makeDir(sub); err != nil {
			return wrap(sub, err)
		}
	}
	id, err := readMarker(h.dir)
	if fault.Is(err, fault.NotFound) {
		h.created = true
		id, err = writeMarker(h.dir, opt.Random)
	}
	if err != nil {
		return err
	}
	h.id = id
	return h.space.open(h.dir, opt)
}

// ID returns the identity of the store, which it keeps for ever.
func (h *Home) ID() [16]byte { return h.id }

// Dir returns the absolute path of the directory.
func (h *Home) Dir() string { return h.dir }

// PacksDir returns the directory of the packs.
func (h *Home) PacksDir() string { return filepath.Join(h.dir, packsName) }

// IndexDir returns the directory of the metadata plane.
func (h *Home) IndexDir() string { return filepath.Join(h.dir, indexName) }

// Created reports whether [Open] made the store.
func (h *Home) Created() bool { return h.created }

// Close lets go of the directory.
func (h *Home) Close() error {
	return fault.Wrap(fault.Other, opOpen, h.dir, h.lock.Unlock())
}

// probe finds out whether the directory can be written to. That the disk is
// full is not its business. The lock is held.
func probe(dir string) error {
	path := filepath.Join(dir, probeName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(path))
	}
	if kindOf(err) == fault.Full {
		return nil
	}
	return err
}
