//go:build linux

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/pack"
)

// withStore opens the store of dir as a node does, and runs it beside fn.
func withStore(ctx context.Context, dir string, fn func(context.Context, *store.Store) error) (err error) {
	h, err := home.Open(dir, home.Options{Create: true, Now: time.Now, Random: rand.Reader})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	packs, err := pack.OS(h.PacksDir(), pack.OSOptions{})
	if err != nil {
		return err
	}
	meta, err := badger.Open(h.IndexDir(), badger.Options{})
	if err != nil {
		return err
	}
	id, err := h.Identity(rand.Reader, "")
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{
		ID: h.ID(), Packs: packs, Meta: meta, Now: time.Now, Admit: h.Admit, Site: id.Site,
		NodeOrigin: eventlog.NodeOrigin(id.Site, id.Key.Public().(ed25519.PublicKey)), Checkpoints: notary{id.Key},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	running, stop := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error { return s.Run(running) })
	group.Go(func() error {
		defer stop()
		return fn(ctx, s)
	})
	return group.Wait()
}

// notary signs checkpoints as a node does.
type notary struct{ key ed25519.PrivateKey }

// Checkpoint implements [store.CheckpointSigner].
func (n notary) Checkpoint(c eventlog.Checkpoint) ([]byte, error) {
	signer, err := eventlog.Signer(c.Origin, n.key)
	if err != nil {
		return nil, err
	}
	return c.Sign(signer)
}

func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// threadSeconds is how long this thread has had a core.
func threadSeconds() (float64, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return float64(t.Nano()) / 1e9, err
}
