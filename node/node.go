// Package node puts a store together and gives it its lifetime: it opens the
// directory, the index and the packs, runs what must run beside their users,
// and ends it all in order. Its methods are the flows that a user asks for;
// each returns what it did, and prints nothing.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/trust"
)

// Config says what a node is made of. Only Dir has no default.
type Config struct {
	Dir string
	// Create makes a store of a directory that is absent or empty.
	Create bool
	// Holder says who holds the directory, to whoever finds it held.
	Holder string
	// Compression of what is put: "none" (or ""), "s2" or "zstd".
	Compression string
	// Site is the domain whose node this is, as in example.org: the first part
	// of the name of each log. It is chosen when a store is made, and kept;
	// "" makes one of the node's key.
	Site string
	// StateDir is where the node remembers, outside Dir, how far its logs have
	// come; "" is the user's state directory.
	StateDir string
	Log      *slog.Logger     // nil discards
	Now      func() time.Time // nil means time.Now
	Random   io.Reader        // nil means crypto/rand
}

// Node is an open store and its flows. It is safe for concurrent use, for as
// long as the function lasts that [With] handed it to.
type Node struct {
	home     *home.Home
	identity home.Identity
	mark     *home.Watermark
	store    *store.Store
	now      func() time.Time
	random   io.Reader

	gate gate
	keys sync.Mutex // guards that a key's files and its event change as one
}

// Artifact is an artifact as a repository knows it.
type Artifact = store.Artifact

// With opens the node of cfg, runs it beside fn, and closes it when fn has
// returned; fn's context ends early where the node fails beneath it. The error
// is fn's or the node's, joined with what went wrong in closing. It is
// [fault.Unavailable] where another process holds the directory, and otherwise
// as [home.Open] and [store.Open] say.
func With(ctx context.Context, cfg Config, fn func(context.Context, *Node) error) (err error) {
	n, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.store.Close(), n.mark.Close(), n.home.Close()) }()
	group, inner := errgroup.WithContext(ctx)
	// The committer outlives fn, so that a flow that is cancelled still finds it.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return n.store.Run(running) })
	group.Go(func() error {
		defer stop()
		return fn(inner, n)
	})
	return group.Wait()
}

func open(ctx context.Context, cfg Config) (*Node, error) {
	cfg = cfg.defaults()
	compression, err := parseCompression(cfg.Compression)
	if err != nil {
		return nil, err
	}
	h, err := home.Open(cfg.Dir, home.Options{Create: cfg.Create, Holder: cfg.Holder, Now: cfg.Now, Random: cfg.Random})
	if err != nil {
		return nil, err
	}
	n := &Node{home: h, now: cfg.Now, random: cfg.Random, mark: h.Watermark(cfg.StateDir)}
	n.gate.verdicts = trust.NewVerdicts(maxVerdicts)
	n.identity, err = h.Identity(cfg.Random, cfg.Site)
	if fault.Is(err, fault.NotFound) {
		cfg.Log.Warn("the node's key is missing: the store can be read, and nothing can be written", "error", err)
		err = nil
	}
	if err == nil {
		n.store, err = openStore(ctx, h, h.IndexDir(), cfg, func(o *store.Options) {
			o.Compression = compression
			o.Watermark = watermark{n.mark}
			identify(o, n.identity)
		})
	}
	if err != nil {
		return nil, errors.Join(err, n.mark.Close(), h.Close())
	}
	return n, nil
}

func (cfg Config) defaults() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// openStore opens the store of h over the index in a directory of its own.
func openStore(ctx context.Context, h *home.Home, index string, cfg Config, adjust func(*store.Options)) (*store.Store, error) {
	packs, err := pack.OS(h.PacksDir(), pack.OSOptions{})
	if err != nil {
		return nil, err
	}
	capacity, err := h.Capacity()
	if err != nil {
		return nil, err
	}
	opt := store.Options{
		ID: h.ID(), Packs: packs, Now: cfg.Now, Random: cfg.Random, Admit: h.Admit, Log: cfg.Log, SegmentSize: segmentSize(capacity),
	}
	adjust(&opt)
	meta, err := badger.Open(index, badger.Options{Logger: cfg.Log})
	if err != nil {
		if fault.Is(err, fault.Corrupt) {
			err = fault.Hint(err, "build it anew from the packs: artifact fsck --rebuild-index")
		}
		return nil, err
	}
	opt.Meta = meta
	return store.Open(ctx, opt)
}

// segmentSize is the usual size of segments on a file system of so many bytes:
// on a small one they are smaller, so that collection finds room to copy what
// lives in one of them.
func segmentSize(capacity int64) int64 {
	const parts, least = 16, 16 << 20
	return min(store.DefaultSegmentSize, max(capacity/parts, least))
}

func parseCompression(name string) (pack.Compression, error) {
	switch name {
	case "", "none":
		return pack.None, nil
	case "s2":
		return pack.S2, nil
	case "zstd":
		return pack.Zstd, nil
	}
	return pack.None, fault.New(fault.Invalid, "choose compression", name, "want none, s2 or zstd")
}

// Dir returns the absolute path of the node's directory.
func (n *Node) Dir() string { return n.home.Dir() }

// ID returns the store's identity, which it keeps for ever.
func (n *Node) ID() [16]byte { return n.home.ID() }

// Created reports whether opening the node made its store.
func (n *Node) Created() bool { return n.home.Created() }

// resolve finds the artifact that a reference names.
func (n *Node) resolve(ctx context.Context, r dag.Reference) (Artifact, error) {
	a, err := n.store.Resolve(ctx, r)
	if fault.Is(err, fault.NotFound) {
		err = fault.Hint(err, "see what there is: artifact ls --all")
	}
	return a, err
}
