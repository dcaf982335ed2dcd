package node

import (
	"crypto/ed25519"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
)

// notary signs the checkpoints of all logs with the node's key. C2SP names a
// log's key by its origin, so that the one key has a name for each.
type notary struct{ key ed25519.PrivateKey }

// Checkpoint implements [store.CheckpointSigner].
func (n notary) Checkpoint(c eventlog.Checkpoint) ([]byte, error) {
	signer, err := eventlog.Signer(c.Origin, n.key)
	if err != nil {
		return nil, err
	}
	return c.Sign(signer)
}

// watermark keeps the store's mark in the user's state directory.
type watermark struct{ *home.Watermark }

// Load implements [store.Watermark].
func (w watermark) Load() (store.Mark, bool, error) {
	m, known, err := w.Watermark.Load()
	return store.Mark(m), known, err
}

// Save implements [store.Watermark].
func (w watermark) Save(m store.Mark) error { return w.Watermark.Save(home.Mark(m)) }

// identify tells a store who its node is. Without a key it can only be read.
func identify(o *store.Options, id home.Identity) {
	if id.Key == nil {
		return
	}
	public := id.Key.Public().(ed25519.PublicKey) // of an Ed25519 key it is no other
	o.Site = id.Site
	o.NodeOrigin = eventlog.NodeOrigin(id.Site, public)
	o.Checkpoints = notary{id.Key}
}
