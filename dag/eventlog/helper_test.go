package eventlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// memory keeps the tiles of a log as a store does: the last of each place, from
// which the partial ones of smaller trees are cut.
type memory map[[2]uint64][]byte

func (m memory) put(t *eventlog.Tree) {
	for _, d := range t.Changed() {
		m[[2]uint64{uint64(d.Level), d.Index}] = d.Hashes
	}
}

func (m memory) ReadTile(_ context.Context, t eventlog.Tile) ([]byte, error) {
	b := m[[2]uint64{uint64(t.Level), t.Index}]
	if len(b) < 32*t.Width {
		return nil, fault.New(fault.NotFound, "read tile", t.Path(), "there is none")
	}
	return b[:32*t.Width], nil
}

// reopen opens a tree of the size from its tiles.
func (m memory) reopen(size uint64) (*eventlog.Tree, error) {
	return eventlog.OpenTree(size, func(level int) ([]byte, error) {
		at := size >> (eventlog.TileHeight * level)
		return m.ReadTile(context.Background(), eventlog.Tile{
			Level: level, Index: at >> eventlog.TileHeight, Width: int(at % eventlog.TileWidth),
		})
	})
}

func wantKind(t interface {
	Helper()
	Errorf(string, ...any)
}, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Errorf("got %v (%v), want %v", err, fault.KindOf(err), k)
	}
}

func unhexed(s string) ([]byte, error) { return hex.DecodeString(s) }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := unhexed(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyBytes is what [ed25519.PrivateKey.Public] returns.
type keyBytes = ed25519.PublicKey

// testKey is the key whose seed is 32 bytes of 1.
func testKey() ed25519.PrivateKey { return keyOf(1) }

func keyOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// origin is that of the log in the tests.
const origin = "example.org/acme"

// signed is a checkpoint of the log, signed by the key.
func signed(t testing.TB, size uint64, root eventlog.Hash, key ed25519.PrivateKey) []byte {
	t.Helper()
	s, err := eventlog.Signer(origin, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := eventlog.Checkpoint{Origin: origin, Size: size, Root: root}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verifier(t testing.TB, key ed25519.PrivateKey) note.Verifier {
	t.Helper()
	v, err := eventlog.Verifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// lenient verifies any signature of the log's key, where any says so: a fuzzer
// cannot sign.
type lenient struct {
	note.Verifier
	any bool
}

func (l lenient) Verify(text, sig []byte) bool { return l.any || l.Verifier.Verify(text, sig) }

// forgeRaw makes an entry of any header and payload, whose commitment is true.
// It has no leaf where there is no such header.
func forgeRaw(h eventlog.Header, payload []byte) eventlog.Entry {
	e := eventlog.Entry{Salt: make([]byte, 32), Payload: payload}
	if h.Commit == nil {
		sum := sha256.Sum256(append(bytes.Clone(e.Salt), payload...))
		h.Commit = sum[:]
	}
	e.Leaf, _ = dagcbor.Marshal(h) // nil where it cannot be
	return e
}
