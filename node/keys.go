package node

import (
	"context"
	"encoding/pem"
	"os"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

// KeyState says what a key is good for.
type KeyState string

// The states of keys.
const (
	// KeyActive signs, and is verified with.
	KeyActive KeyState = "active"
	// KeyReplaced signs no more; what it signed counts.
	KeyReplaced KeyState = "replaced"
	// KeyRevoked signs no more; of what it signed counts what the logs had when
	// it was revoked.
	KeyRevoked KeyState = "revoked"
	// KeyUnregistered is in the keyring, and the log knows nothing of it: the
	// making of it was cut short. It signs nothing.
	KeyUnregistered KeyState = "unregistered"
	// KeyUnreadable is in the keyring, and cannot be read.
	KeyUnreadable KeyState = "unreadable"
)

// Key is an operator's key, as the node's log and the keyring know it.
type Key struct {
	store.Key
	State KeyState
	// Private is the path of its private half; "" where it is not here.
	Private string
}

// Keys returns the keys that the log knows, in the order in which they came,
// and then those that are in the keyring only, by name.
func (n *Node) Keys(ctx context.Context) ([]Key, error) {
	known, err := n.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	ring := n.home.Keyring()
	names, err := ring.Names()
	if err != nil {
		return nil, err
	}
	held := make(map[string]string, len(names)) // paths by id
	var alone []Key
	for _, name := range names {
		_, id, err := n.held(name)
		if err != nil {
			alone = append(alone, Key{Key: store.Key{Name: name, Reason: err.Error()}, State: KeyUnreadable, Private: ring.Path(name)})
			continue
		}
		held[string(id)] = ring.Path(name)
		if _, ok := keyByID(known, id); !ok {
			alone = append(alone, Key{Key: store.Key{ID: string(id), Name: name}, State: KeyUnregistered, Private: ring.Path(name)})
		}
	}
	keys := make([]Key, 0, len(known)+len(alone))
	for _, k := range known {
		keys = append(keys, Key{Key: k, State: stateOf(k), Private: whereHeld(ring, held, k)})
	}
	return append(keys, alone...), nil
}

// whereHeld returns the path of a key's private half: under its name, or under
// that of a retired key.
func whereHeld(ring *home.Keyring, held map[string]string, k store.Key) string {
	if path, ok := held[k.ID]; ok {
		return path
	}
	path := ring.Path(k.Name + "." + k.ID)
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

func stateOf(k store.Key) KeyState {
	switch {
	case !k.Revoked.IsZero():
		return KeyRevoked
	case k.ReplacedBy != "":
		return KeyReplaced
	}
	return KeyActive
}

// holderOf returns the key that has a name now.
func holderOf(known []store.Key, name string) (store.Key, bool) {
	return first(known, func(k store.Key) bool { return k.Name == name && k.ReplacedBy == "" })
}

func keyByID(known []store.Key, id trust.KeyID) (store.Key, bool) {
	return first(known, func(k store.Key) bool { return k.ID == string(id) })
}

func first(known []store.Key, is func(store.Key) bool) (store.Key, bool) {
	i := slices.IndexFunc(known, is)
	if i < 0 {
		return store.Key{}, false
	}
	return known[i], true
}

// ExportKey returns a key's public half as PEM, or with private its private
// half as it is kept, which is encrypted and as cosign reads it. Errors:
// [fault.NotFound].
func (n *Node) ExportKey(ctx context.Context, name string, private bool) ([]byte, error) {
	const op = "export key"
	if private {
		sealed, _, err := n.home.Keyring().Read(name)
		return sealed, err
	}
	known, err := n.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	k, ok := keyByID(known, trust.KeyID(name))
	if !ok {
		k, ok = holderOf(known, name)
	}
	if !ok {
		return nil, noSuchKey(op, name)
	}
	return []byte(k.PEM), nil
}

func noSuchKey(op, name string) error {
	return fault.Hint(fault.New(fault.NotFound, op, name, "there is no such key"), "see what there is: artifact keys ls")
}

// KeyFile says what a file of a key holds.
type KeyFile struct {
	Public bool // a public key, and nothing secret
	Sealed bool // a private key that a passphrase guards
}

// InspectKey looks at a file in PEM without opening it. What is no PEM is
// [fault.Invalid].
func InspectKey(file []byte) (KeyFile, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		err := fault.New(fault.Invalid, "read key", "", "it is not in PEM")
		return KeyFile{}, fault.Hint(err, "give a key of cosign's, or one that openssl wrote")
	}
	return KeyFile{
		Public: block.Type == "PUBLIC KEY",
		Sealed: strings.HasPrefix(block.Type, "ENCRYPTED "),
	}, nil
}
