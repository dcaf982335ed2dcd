package home

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	opReadIdentity = "read node key"
	opMakeIdentity = "make node key"

	identityPrefix = "PRIVATE+KEY+"
	algEd25519     = 1 // as C2SP signed-note numbers it
)

// Identity is who a node is: the site that it belongs to, and the Ed25519 key
// that signs the checkpoints of its logs.
type Identity struct {
	Site string
	Key  ed25519.PrivateKey
}

// Identity reads the node's key, and makes one for a store that holds nothing
// yet, durably, before it returns. site is what the node's site is to be called;
// "" takes the name that it has, or one made of the key
// ([eventlog.DefaultSite]). random is where a key comes from; nil means
// crypto/rand.
//
// Errors: [fault.Invalid] for what cannot be a site; [fault.NotFound] where a
// store that holds something has no key: no other can continue its logs;
// [fault.Conflict] where it has another site; [fault.Denied] where others than
// its owner have access to the key, or a link is in its place; [fault.Corrupt]
// where it cannot be read; [fault.Unavailable] where random gives out.
func (h *Home) Identity(random io.Reader, site string) (Identity, error) {
	if site != "" {
		if err := eventlog.ValidateSite(site); err != nil {
			return Identity{}, fault.Hint(err, "name the site as a host is named, as in example.org")
		}
	}
	h.keys.Lock()
	defer h.keys.Unlock()
	id, err := readIdentity(filepath.Join(h.dir, nodeKeyName))
	if fault.Is(err, fault.NotFound) {
		id, err = h.newIdentity(random, site, err)
	}
	if err != nil {
		return Identity{}, err
	}
	if site != "" && site != id.Site {
		err := fault.New(fault.Conflict, opReadIdentity, site, "the site of this node is %s, which its logs are named by", id.Site)
		return Identity{}, fault.Hint(err, "a site is chosen when a store is made: leave it out, or make another store")
	}
	return id, nil
}

// newIdentity makes the key of a store that has none, which missing says.
func (h *Home) newIdentity(random io.Reader, site string, missing error) (Identity, error) {
	held, err := os.ReadDir(h.PacksDir())
	if err != nil {
		return Identity{}, wrap(h.PacksDir(), err)
	}
	if len(held) > 0 {
		return Identity{}, fault.Hint(missing, "bring %s back from a backup: no other key can continue the logs of this store", nodeKeyName)
	}
	if random == nil {
		random = rand.Reader
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return Identity{}, fault.Wrap(fault.Unavailable, opMakeIdentity, h.dir, err)
	}
	id := Identity{Site: site, Key: ed25519.NewKeyFromSeed(seed)}
	if site == "" {
		id.Site = eventlog.DefaultSite(id.public())
	}
	return id, writeNew(opMakeIdentity, h.dir, nodeKeyName, privateMode, []byte(id.encode()))
}

func readIdentity(path string) (Identity, error) {
	data, err := readKeyFile(opReadIdentity, path, privateMode)
	if err != nil {
		return Identity{}, err
	}
	id, ok := parseIdentity(string(data))
	if !ok {
		err := fault.New(fault.Corrupt, opReadIdentity, path, "it is not the key of a node")
		return Identity{}, fault.Hint(err, "bring it back from a backup")
	}
	return id, nil
}

// parseIdentity reads the text form of a signer's key, whose name is the site
// (golang.org/x/mod/sumdb/note). Nothing but what encode writes is one.
func parseIdentity(line string) (Identity, bool) {
	rest, ok := strings.CutPrefix(line, identityPrefix)
	site, rest, _ := strings.Cut(rest, "+")
	_, encoded, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), "+")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) != 1+ed25519.SeedSize || eventlog.ValidateSite(site) != nil {
		return Identity{}, false
	}
	id := Identity{Site: site, Key: ed25519.NewKeyFromSeed(raw[1:])}
	return id, id.encode() == line
}

// encode is the inverse of parseIdentity: one line.
func (id Identity) encode() string {
	raw := append([]byte{algEd25519}, id.Key.Seed()...)
	return fmt.Sprintf("%s%s+%08x+%s\n", identityPrefix, id.Site, id.keyHash(), base64.StdEncoding.EncodeToString(raw))
}

// keyHash is the number of the key under the site's name (C2SP signed-note).
func (id Identity) keyHash() uint32 {
	named := append([]byte(id.Site+"\n"), algEd25519)
	sum := sha256.Sum256(append(named, id.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (id Identity) public() ed25519.PublicKey {
	return id.Key.Public().(ed25519.PublicKey) // of an Ed25519 key it is no other
}
