package home

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	keysName      = "keys"
	privateSuffix = ".key"
	publicSuffix  = ".pub"
	opKeyring     = "read keyring"
)

// Keyring keeps the operators' keys of a store, by name: private halves as
// they are given, which is encrypted, and public ones beside them.
type Keyring struct{ dir string }

// Keyring returns the keyring of the store. It touches nothing yet.
func (h *Home) Keyring() *Keyring { return &Keyring{dir: filepath.Join(h.dir, keysName)} }

// Path returns where the private half of a key is.
func (k *Keyring) Path(name string) string { return filepath.Join(k.dir, name+privateSuffix) }

// Read returns the private half of a key. Errors: [fault.NotFound],
// [fault.Invalid] for what cannot be a name, [fault.Denied] where others can
// read it.
func (k *Keyring) Read(name string) ([]byte, error) {
	if err := ValidateKeyName(name); err != nil {
		return nil, err
	}
	data, err := readPrivate(k.Path(name))
	if fault.Is(err, fault.NotFound) {
		err = fault.Hint(fault.Wrap(fault.NotFound, opKeyring, name, err), "see what there is: artifact keys ls")
	}
	return data, err
}

// Write keeps a key under a new name, durably. Errors: [fault.Conflict] where
// the name is taken.
func (k *Keyring) Write(name string, private, public []byte) error {
	if err := ValidateKeyName(name); err != nil {
		return err
	}
	if err := makeDir(k.dir); err != nil {
		return wrap(k.dir, err)
	}
	if _, err := os.Lstat(k.Path(name)); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return wrap(k.Path(name), err)
		}
		return fault.New(fault.Conflict, "write keyring", name, "there is a key of this name: %s", k.Path(name))
	}
	if err := writeNew(k.dir, name+publicSuffix, public); err != nil {
		return err
	}
	return writeNew(k.dir, name+privateSuffix, private)
}

// Retire moves a key out of the way of another that takes its name, to
// name.<id>; what it signed can still be verified by its public half.
func (k *Keyring) Retire(name, id string) error {
	if err := ValidateKeyName(name); err != nil {
		return err
	}
	for _, suffix := range [...]string{privateSuffix, publicSuffix} {
		old := filepath.Join(k.dir, name+suffix)
		if err := os.Rename(old, filepath.Join(k.dir, name+"."+id+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wrap(old, err)
		}
	}
	return nil
}

// ValidateKeyName tells whether s can be the name of a key: what can be a tag,
// without dots, so that it is one name in a directory. Errors: [fault.Invalid].
func ValidateKeyName(s string) error {
	if strings.Contains(s, ".") {
		return fault.New(fault.Invalid, opKeyring, s, "a key's name has no dots")
	}
	return fault.Wrap(fault.Invalid, opKeyring, s, dag.ValidateTag(s))
}
