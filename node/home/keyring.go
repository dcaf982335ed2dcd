package home

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	privateSuffix  = ".key"
	publicSuffix   = ".pub"
	opReadKeyring  = "read keyring"
	opWriteKeyring = "write keyring"
)

// Keyring keeps the operators' keys of a store by name: the private halves as
// they are given, which is encrypted, and the public ones beside them. It knows
// no format of keys. It is safe for concurrent use.
type Keyring struct {
	home *Home
	dir  string
}

// Keyring returns the keyring of the store. It touches nothing yet.
func (h *Home) Keyring() *Keyring { return &Keyring{home: h, dir: filepath.Join(h.dir, keysName)} }

// Path returns where the private half of a key is, or would be.
func (k *Keyring) Path(name string) string { return filepath.Join(k.dir, name+privateSuffix) }

// Names returns the names of all keys but the retired ones, sorted.
func (k *Keyring) Names() ([]string, error) {
	if err := k.isDir(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(k.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, wrap(k.dir, err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), privateSuffix); ok && ValidateKeyName(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Read returns both halves of a key. Errors: [fault.NotFound], [fault.Invalid]
// for what cannot be a name, [fault.Denied] where others than its owner have
// access to the private half, or where a link is in the place of a file.
func (k *Keyring) Read(name string) (private, public []byte, err error) {
	if err := ValidateKeyName(name); err != nil {
		return nil, nil, err
	}
	if err := k.isDir(); err != nil {
		return nil, nil, err
	}
	path := k.Path(name)
	if private, err = readKeyFile(opReadKeyring, path, privateMode); err == nil {
		path = filepath.Join(k.dir, name+publicSuffix)
		public, err = readKeyFile(opReadKeyring, path, publicMode)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		err = fault.New(fault.NotFound, opReadKeyring, name, "there is no %s", path)
		return nil, nil, fault.Hint(err, "see what there is: artifact keys ls")
	case err != nil:
		return nil, nil, err
	}
	return private, public, nil
}

// Write keeps a key under a new name, durably: a name whose private half is
// there is taken, and the public half was there before it. Errors:
// [fault.Conflict] where the name is taken, [fault.Invalid] for what cannot be
// one, [fault.TooLarge] for what cannot be a key, and those of the system.
func (k *Keyring) Write(name string, private, public []byte) error {
	if err := ValidateKeyName(name); err != nil {
		return err
	}
	if max(len(private), len(public)) > maxKeyFile {
		return fault.New(fault.TooLarge, opWriteKeyring, name, "a key is longer than %d bytes", maxKeyFile)
	}
	k.home.keys.Lock()
	defer k.home.keys.Unlock()
	if err := makeDir(k.dir); err != nil {
		return wrap(k.dir, err)
	}
	if err := k.isDir(); err != nil {
		return err
	}
	_, err := os.Lstat(k.Path(name))
	if err == nil {
		err := fault.New(fault.Conflict, opWriteKeyring, name, "there is a key of this name: %s", k.Path(name))
		return fault.Hint(err, "choose another name, or rotate that key: artifact keys rotate %s", name)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return wrap(k.Path(name), err)
	}
	if err := writeNew(opWriteKeyring, k.dir, name+publicSuffix, publicMode, public); err != nil {
		return err
	}
	return writeNew(opWriteKeyring, k.dir, name+privateSuffix, privateMode, private)
}

// Retire moves a key to name.<id>, where id is its own, so that another can
// take the name. Where it was cut short it can be done again. Errors:
// [fault.NotFound], and [fault.Invalid] for what cannot be a name or an id.
func (k *Keyring) Retire(name, id string) error {
	if err := ValidateKeyName(name); err != nil {
		return err
	}
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 32 {
		return fault.New(fault.Invalid, opWriteKeyring, name, "%.80q is not the id of a key", id)
	}
	k.home.keys.Lock()
	defer k.home.keys.Unlock()
	if err := k.isDir(); err != nil {
		return err
	}
	if _, err := os.Lstat(k.Path(name)); err != nil {
		return fault.Wrap(kindOfFile(err), opWriteKeyring, name, err)
	}
	// The private half holds the name, and so it goes last.
	for _, suffix := range [...]string{publicSuffix, privateSuffix} {
		old := filepath.Join(k.dir, name+suffix)
		if err := os.Rename(old, filepath.Join(k.dir, name+"."+id+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wrapWrite(opWriteKeyring, old, err)
		}
	}
	return wrapWrite(opWriteKeyring, k.dir, syncDir(k.dir))
}

// isDir refuses a keyring that is a link to somewhere else. One that is absent
// is an empty one.
func (k *Keyring) isDir() error {
	info, err := os.Lstat(k.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrap(k.dir, err)
	}
	if !info.IsDir() {
		err := fault.New(fault.Denied, opReadKeyring, k.dir, "it is not a directory (%v)", info.Mode())
		return fault.Hint(err, "put the directory itself in its place; links are not followed")
	}
	return nil
}

// ValidateKeyName tells whether s can be the name of a key: what can be a tag,
// without dots, so that it is one name in a directory and never that of a
// retired key. Errors: [fault.Invalid].
func ValidateKeyName(s string) error {
	if strings.Contains(s, ".") {
		return fault.New(fault.Invalid, opReadKeyring, s, "the name of a key has no dots")
	}
	return fault.Wrap(fault.Invalid, opReadKeyring, s, dag.ValidateTag(s))
}
