package node

import (
	"context"
	"errors"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// A key is made in two steps: its files, durably, and then the event, from which
// on others count on it. A private half that no event tells of was never used:
// it signs nothing, `keys ls` calls it unregistered, and the next making of a
// key under its name sets it aside. The other way round, a crash would leave a
// key that counts and that nobody has.

// pair is a key in PEM: the private half is encrypted.
type pair struct{ private, public []byte }

// GenerateKey makes a key, keeps it in the keyring, its private half encrypted
// with the passphrase, and registers it in the node's log. Errors:
// [fault.Conflict] where the name is taken, [fault.Invalid] for what cannot be
// one.
func (n *Node) GenerateKey(ctx context.Context, name string, passphrase []byte) (Key, error) {
	const op = "generate key"
	if err := home.ValidateKeyName(name); err != nil {
		return Key{}, err
	}
	private, public, err := sigstore.GenerateKey(n.random, passphrase)
	if err != nil {
		return Key{}, err
	}
	n.keys.Lock()
	defer n.keys.Unlock()
	return n.add(ctx, op, name, pair{private, public})
}

// ImportRequest is a key that was made elsewhere.
type ImportRequest struct {
	Name string
	// File is PEM: a private key of cosign's or a plain one, or a public key,
	// which is registered only.
	File []byte
	// Old opens a private key that is encrypted, and New guards it from now on.
	Old, New []byte
}

// ImportKey keeps and registers a key as [Node.GenerateKey] does. The private
// half of a key that is registered under this name joins it. Errors: those of
// [sigstore.ImportKey] and [trust.ParseKey], and [fault.Conflict] where the name
// or the key is taken.
func (n *Node) ImportKey(ctx context.Context, req ImportRequest) (Key, error) {
	const op = "import key"
	if err := home.ValidateKeyName(req.Name); err != nil {
		return Key{}, err
	}
	kind, err := InspectKey(req.File)
	if err != nil {
		return Key{}, err
	}
	p := pair{public: req.File}
	if !kind.Public {
		if p.private, p.public, err = sigstore.ImportKey(req.File, req.Old, req.New); err != nil {
			return Key{}, err
		}
	}
	n.keys.Lock()
	defer n.keys.Unlock()
	return n.add(ctx, op, req.Name, p)
}

// add registers a key under a name that is free, or brings the private half of
// the key that has it. keys is held.
func (n *Node) add(ctx context.Context, op, name string, p pair) (Key, error) {
	k, err := trust.ParseKey(p.public)
	if err != nil {
		return Key{}, err
	}
	known, err := n.store.Keys(ctx)
	if err != nil {
		return Key{}, err
	}
	had, taken := holderOf(known, name)
	if other, same := keyByID(known, k.ID); same && (other.Name != name || !taken || other.ID != had.ID || p.private == nil) {
		return Key{}, fault.New(fault.Conflict, op, name, "this key is known already, as %s", other.Name)
	}
	if taken && had.ID != string(k.ID) {
		err := fault.New(fault.Conflict, op, name, "another key has this name")
		return Key{}, fault.Hint(err, "choose another name, or put a new key in its place: artifact keys rotate %s", name)
	}
	if p.private != nil {
		if err := n.vacate(op, name, known); err != nil {
			return Key{}, err
		}
		if err := n.home.Keyring().Write(name, p.private, p.public); err != nil {
			return Key{}, err
		}
	}
	if taken {
		return n.key(ctx, k.ID)
	}
	payload := eventlog.Payload{Name: name, Key: string(k.ID), PEM: string(k.PEM())}
	return n.record(ctx, eventlog.KeyAdded, payload, func() error {
		if p.private == nil {
			return nil
		}
		return n.home.Keyring().Retire(name, string(k.ID))
	})
}

// vacate sets aside a key that the keyring has under a name and the log does
// not know: what was left of a making that was cut short. keys is held.
func (n *Node) vacate(op, name string, known []store.Key) error {
	_, id, err := n.held(name)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if k, ok := keyByID(known, id); ok {
		return fault.New(fault.Conflict, op, name, "the keyring has a key under this name, which is known as %s", k.Name)
	}
	return n.home.Keyring().Retire(name, string(id))
}

// held reads the key that the keyring has under a name.
func (n *Node) held(name string) (pair, trust.KeyID, error) {
	private, public, err := n.home.Keyring().Read(name)
	if err != nil {
		return pair{}, "", err
	}
	k, err := trust.ParseKey(public)
	return pair{private, public}, k.ID, fault.Wrap(fault.Corrupt, "read keyring", name, err)
}

// RotateKey makes a new key in the place of the one that has the name, whose
// private half is set aside in the keyring. What the old one signed counts as
// before. Errors: [fault.NotFound].
func (n *Node) RotateKey(ctx context.Context, name, reason string, passphrase []byte) (Key, error) {
	const op = "rotate key"
	private, public, err := sigstore.GenerateKey(n.random, passphrase)
	if err != nil {
		return Key{}, err
	}
	k, err := trust.ParseKey(public)
	if err != nil {
		return Key{}, err
	}
	n.keys.Lock()
	defer n.keys.Unlock()
	known, err := n.store.Keys(ctx)
	if err != nil {
		return Key{}, err
	}
	old, ok := holderOf(known, name)
	if !ok {
		return Key{}, noSuchKey(op, name)
	}
	before, err := n.replace(name, pair{private, public})
	if err != nil {
		return Key{}, err
	}
	payload := eventlog.Payload{Name: name, Key: string(k.ID), PEM: string(k.PEM()), Replaces: old.ID, Reason: reason}
	return n.record(ctx, eventlog.KeyRotated, payload, func() error {
		err := n.home.Keyring().Retire(name, string(k.ID))
		if err == nil && before.private != nil {
			err = n.home.Keyring().Write(name, before.private, before.public)
		}
		return err
	})
}

// replace sets aside what the keyring has under a name, writes p in its place,
// and returns what was there. keys is held.
func (n *Node) replace(name string, p pair) (before pair, err error) {
	ring := n.home.Keyring()
	before, id, err := n.held(name)
	switch {
	case fault.Is(err, fault.NotFound):
		before = pair{}
	case err != nil:
		return before, err
	default:
		if err := ring.Retire(name, string(id)); err != nil {
			return before, err
		}
	}
	err = ring.Write(name, p.private, p.public)
	if err != nil && before.private != nil {
		err = errors.Join(err, ring.Write(name, before.private, before.public))
	}
	return before, err
}

// RevokeKey ends the trust in a key, named by its name or its id: of what it
// signed counts what the logs have now. Errors: [fault.NotFound],
// [fault.Conflict] where it was revoked before.
func (n *Node) RevokeKey(ctx context.Context, name, reason string) (Key, error) {
	n.keys.Lock()
	defer n.keys.Unlock()
	known, err := n.store.Keys(ctx)
	if err != nil {
		return Key{}, err
	}
	k, ok := keyByID(known, trust.KeyID(name))
	if !ok {
		k, ok = holderOf(known, name)
	}
	if !ok {
		return Key{}, noSuchKey("revoke key", name)
	}
	if _, err := n.store.RecordKey(context.WithoutCancel(ctx), eventlog.KeyRevoked, eventlog.Payload{Key: k.ID, Reason: reason}); err != nil {
		return Key{}, err
	}
	return n.key(ctx, trust.KeyID(k.ID))
}

// record appends the event of a key whose files are in place, and takes them
// back with undo where the event was refused. Where a write failed it may have
// come to pass, or come to pass yet when the store is opened again: the files
// stay, and are what the event tells of, or else unregistered. keys is held.
func (n *Node) record(ctx context.Context, kind eventlog.Kind, p eventlog.Payload, undo func() error) (Key, error) {
	ctx = context.WithoutCancel(ctx) // whoever gives up now is owed a clear answer
	_, err := n.store.RecordKey(ctx, kind, p)
	switch {
	case err == nil:
		return n.key(ctx, trust.KeyID(p.Key))
	case refused(err):
		return Key{}, errors.Join(err, undo())
	}
	return Key{}, fault.Hint(err, "the key may be registered or not: see artifact keys ls, and give the command again where it is not")
}

// refused reports whether an event was turned down before anything was written.
func refused(err error) bool {
	switch fault.KindOf(err) {
	case fault.Denied, fault.Conflict, fault.NotFound, fault.Invalid, fault.TooLarge:
		return true
	}
	return false
}

// key returns a key that the log knows.
func (n *Node) key(ctx context.Context, id trust.KeyID) (Key, error) {
	keys, err := n.Keys(ctx)
	if err != nil {
		return Key{}, err
	}
	for _, k := range keys {
		if k.ID == string(id) {
			return k, nil
		}
	}
	return Key{}, noSuchKey("find key", string(id))
}
