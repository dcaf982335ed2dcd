package home

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	keyName     = "node.key"
	maxKeyFile  = 4 << 10
	opIdentity  = "read node key"
	keyFileForm = "PRIVATE+KEY+"
	algEd25519  = 1
)

// Identity is who a node is: its key, and the site that it belongs to.
type Identity struct {
	Site string
	Key  ed25519.PrivateKey
}

// Identity reads the node's key, and makes one for a store that has nothing in
// it yet. site is what the node's site is to be called; "" takes the name that
// it has, or one after the key.
//
// Errors: [fault.NotFound] where a store that holds something has no key: its
// logs cannot be continued by another; [fault.Conflict] where it has another
// site; [fault.Denied] where others can read the key; [fault.Corrupt].
func (h *Home) Identity(random io.Reader, site string) (Identity, error) {
	id, err := readIdentity(h.dir)
	if fault.Is(err, fault.NotFound) {
		if held, listErr := os.ReadDir(h.PacksDir()); listErr != nil || len(held) > 0 {
			return Identity{}, errors.Join(fault.Hint(err, "bring %s back from a backup: no other key can continue these logs. Reading works without it", keyName), listErr)
		}
		if id, err = makeIdentity(random, site); err == nil {
			err = writeIdentity(h.dir, id)
		}
	}
	if err != nil {
		return Identity{}, err
	}
	if site != "" && site != id.Site {
		err := fault.New(fault.Conflict, opIdentity, site, "the site of this node is %s, which its logs are named by", id.Site)
		return Identity{}, fault.Hint(err, "a site is chosen when a store is made: leave --site out, or make another store")
	}
	return id, nil
}

func makeIdentity(random io.Reader, site string) (Identity, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return Identity{}, fault.Wrap(fault.Unavailable, "make node key", "", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	if site == "" {
		site = eventlog.DefaultSite(key.Public().(ed25519.PublicKey))
	}
	return Identity{Site: site, Key: key}, eventlog.ValidateSite(site)
}

func readIdentity(dir string) (Identity, error) {
	path := filepath.Join(dir, keyName)
	data, err := readPrivate(path)
	if err != nil {
		return Identity{}, err
	}
	id, ok := parseIdentity(string(data))
	if !ok {
		return Identity{}, fault.New(fault.Corrupt, opIdentity, path, "it is not a node's key")
	}
	return id, nil
}

// readPrivate reads a file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, opIdentity, path, err)
	}
	if err != nil {
		return nil, wrap(path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fault.New(fault.Corrupt, opIdentity, path, "it is not a file of a key")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		err := fault.New(fault.Denied, opIdentity, path, "others than its owner can read it (mode %#o)", info.Mode().Perm())
		return nil, fault.Hint(err, "chmod 600 %s", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, wrap(path, err)
	}
	return data, nil
}

// parseIdentity reads the text form of a note's signer key, whose name is the
// site (golang.org/x/mod/sumdb/note).
func parseIdentity(line string) (Identity, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), keyFileForm)
	site, rest, named := strings.Cut(rest, "+")
	hash, encoded, hashed := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || !named || !hashed || err != nil || len(raw) != 1+ed25519.SeedSize || raw[0] != algEd25519 {
		return Identity{}, false
	}
	id := Identity{Site: site, Key: ed25519.NewKeyFromSeed(raw[1:])}
	return id, eventlog.ValidateSite(site) == nil && hash == id.keyHash()
}

// keyHash is the id of the key in a note signed under the site's name (C2SP
// signed-note).
func (id Identity) keyHash() string {
	h := sha256.New()
	h.Write([]byte(id.Site + "\n"))
	h.Write([]byte{algEd25519})
	h.Write(id.Key.Public().(ed25519.PublicKey))
	return fmt.Sprintf("%08x", binary.BigEndian.Uint32(h.Sum(nil)))
}

func writeIdentity(dir string, id Identity) error {
	raw := append([]byte{algEd25519}, id.Key.Seed()...)
	line := keyFileForm + id.Site + "+" + id.keyHash() + "+" + base64.StdEncoding.EncodeToString(raw) + "\n"
	return writeNew(dir, keyName, []byte(line))
}

// writeNew writes a private file durably and at once: it is whole or not there.
func writeNew(dir, name string, data []byte) error {
	path, temporary := filepath.Join(dir, name), filepath.Join(dir, name+".tmp")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap(temporary, err)
	}
	if err := writeFile(temporary, data); err != nil {
		return wrap(temporary, errors.Join(err, os.Remove(temporary)))
	}
	if err := os.Rename(temporary, path); err != nil {
		return wrap(path, err)
	}
	if err := syncDir(dir); err != nil {
		return wrap(dir, err)
	}
	return nil
}
