package conformance_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag/eventlog"
)

// exported is a log as it stands in a directory: checkpoint and tile/….
type exported struct {
	dir    string
	origin string
	vkey   string // the verifier key of the log, in the text form of notes
}

// ledger is a log in memory with its key, to export at every size and to fork.
type ledger struct {
	origin string
	key    ed25519.PrivateKey
	tree   *eventlog.Tree
	leaves [][]byte
	tiles  map[string][]byte // by path, full ones and partial ones of all sizes
}

// newLedger returns an empty log with a key of its own.
func newLedger(t *testing.T, origin string) *ledger {
	t.Helper()
	seed := sha256.Sum256([]byte(origin))
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{origin: origin, key: ed25519.NewKeyFromSeed(seed[:]), tree: tree, tiles: make(map[string][]byte)}
}

// fork returns a log of the same key and the same events so far.
func (l *ledger) fork(t *testing.T) *ledger {
	t.Helper()
	tree, err := eventlog.OpenTree(l.tree.Size(), func(level int) ([]byte, error) {
		size := l.tree.Size() >> (8 * level)
		tile := eventlog.Tile{Level: level, Index: size / eventlog.TileWidth, Width: int(size % eventlog.TileWidth)}
		return l.ReadTile(t.Context(), tile)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{origin: l.origin, key: l.key, tree: tree, leaves: l.leaves[:len(l.leaves):len(l.leaves)], tiles: maps.Clone(l.tiles)}
}

// grow appends events up to a size, which name what they are about.
func (l *ledger) grow(t *testing.T, size uint64, what string) {
	t.Helper()
	for i := l.tree.Size(); i < size; i++ {
		var salt [32]byte
		binary.BigEndian.PutUint64(salt[:], i)
		entry, err := eventlog.NewEntry(eventlog.TagRemoved, int64(i), salt,
			eventlog.Payload{Repository: "acme/" + what, Tag: fmt.Sprintf("v%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		l.tree.Append(entry.Hash())
		l.leaves = append(l.leaves, entry.Leaf)
	}
	for _, tile := range l.tree.Changed() {
		l.tiles[tile.Path()] = tile.Hashes
	}
}

// ReadTile reads from memory.
func (l *ledger) ReadTile(_ context.Context, tile eventlog.Tile) ([]byte, error) {
	data, ok := l.tiles[tile.Path()]
	if !ok {
		return nil, fmt.Errorf("%s: %w", tile.Path(), os.ErrNotExist)
	}
	return data, nil
}

// vkey returns the log's verifier key.
func (l *ledger) vkey() string {
	return eventlog.VerifierKey(l.origin, l.key.Public().(ed25519.PublicKey))
}

// checkpoint returns the signed tree head.
func (l *ledger) checkpoint(t *testing.T) []byte {
	t.Helper()
	signer, err := eventlog.Signer(l.origin, l.key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := eventlog.Checkpoint{Origin: l.origin, Size: l.tree.Size(), Root: l.tree.Root()}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// consistency proves that the log goes on from an older size of its own.
func (l *ledger) consistency(t *testing.T, old uint64) []eventlog.Hash {
	t.Helper()
	proof, err := eventlog.ProveConsistency(t.Context(), l, l.tree.Size(), l.tree.Root(), old)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// prove returns a proof of an entry, with extra data.
func (l *ledger) prove(t *testing.T, index uint64) eventlog.Proof {
	t.Helper()
	hashes, err := eventlog.ProveInclusion(t.Context(), l, l.tree.Size(), l.tree.Root(), index)
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Proof{Index: index, Hashes: hashes, Checkpoint: l.checkpoint(t), Extra: []byte("extra")}
}

// head returns the log as those know it who have nothing but its key.
func (l *ledger) head() exported { return exported{origin: l.origin, vkey: l.vkey()} }

// export writes the log into a directory of the test's.
func (l *ledger) export(t *testing.T) exported {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, data []byte) {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	size := l.tree.Size()
	for tile := range eventlog.Tiles(size) {
		data, err := l.ReadTile(t.Context(), tile)
		if err != nil {
			t.Fatal(err)
		}
		write(tile.Path(), bytes.Clone(data))
	}
	for from := uint64(0); from < size; from += eventlog.TileWidth {
		leaves := l.leaves[from:min(from+eventlog.TileWidth, size)]
		var bundle []byte
		for _, leaf := range leaves {
			var err error
			if bundle, err = eventlog.AppendBundle(bundle, leaf); err != nil {
				t.Fatal(err)
			}
		}
		write(eventlog.EntriesPath(from/eventlog.TileWidth, len(leaves)), bundle)
	}
	write("checkpoint", l.checkpoint(t))
	log := l.head()
	log.dir = dir
	return log
}
