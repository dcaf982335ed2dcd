package node

import (
	"context"
	"io"
	"os"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// maxKeyFile bounds a file that should be a key, in bytes.
const maxKeyFile = 64 << 10

// SigningKey is a private key that was opened. It is safe for concurrent use.
type SigningKey struct {
	signer trust.Signer
	Name   string // "" where the log does not know it
}

// ID returns the id of the key.
func (k SigningKey) ID() trust.KeyID { return k.signer.Key().ID }

// OpenKey opens the key that the keyring has under a name; what cannot be a
// name is the path of a file with cosign's encrypted PEM. It takes about 0.2 s
// and 64 MiB. Errors: [fault.NotFound]; [fault.Denied] for a wrong passphrase,
// and for a key that was revoked or replaced; [fault.Conflict] for one of the
// keyring that the log does not know.
func (n *Node) OpenKey(ctx context.Context, key string, passphrase []byte) (SigningKey, error) {
	const op = "open key"
	own := home.ValidateKeyName(key) == nil
	var private []byte
	var err error
	if own {
		private, _, err = n.home.Keyring().Read(key)
	} else {
		private, err = readFile(op, key, maxKeyFile)
	}
	if err != nil {
		return SigningKey{}, err
	}
	signer, err := sigstore.OpenKey(private, passphrase)
	if err != nil {
		return SigningKey{}, fault.Wrap(fault.Other, op, key, err)
	}
	known, err := n.store.Keys(ctx)
	if err != nil {
		return SigningKey{}, err
	}
	k, registered := keyByID(known, signer.Key().ID)
	switch {
	case !registered && own:
		err := fault.New(fault.Conflict, op, key, "it is in the keyring, and not registered: the making of it was cut short")
		return SigningKey{}, fault.Hint(err, "make it again: artifact keys generate %s, or artifact keys rotate %s", key, key)
	case registered && stateOf(k) != KeyActive:
		err := fault.New(fault.Denied, op, key, "the key is %s", stateOf(k))
		return SigningKey{}, fault.Hint(err, "sign with another one; see: artifact keys ls")
	}
	return SigningKey{signer: signer, Name: k.Name}, nil
}

// readFile reads a file of at most limit bytes.
func readFile(op, path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, fault.Wrap(fault.NotFound, op, path, err)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, path, err)
	}
	if int64(len(data)) > limit {
		return nil, fault.New(fault.TooLarge, op, path, "it has more than %d bytes", limit)
	}
	return data, nil
}
