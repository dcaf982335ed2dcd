package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/audit"
)

const origin = "example.org/acme"

// ledger is a log in memory.
type ledger struct {
	key     ed25519.PrivateKey
	entries []eventlog.Entry
	tree    *eventlog.Tree
	tiles   map[string][]byte // by path, as wide as they came to be
}

func newLedger(t *testing.T, seed byte) *ledger {
	t.Helper()
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)), tree: tree, tiles: make(map[string][]byte)}
}

// grow appends events until there are size of them.
func (l *ledger) grow(t *testing.T, size int, tag string) *ledger {
	t.Helper()
	for i := len(l.entries); i < size; i++ {
		e, err := eventlog.NewEntry(eventlog.TagRemoved, int64(i), [32]byte{byte(i), byte(i >> 8)},
			eventlog.Payload{Repository: "acme/app", Tag: fmt.Sprintf("%s%d", tag, i)})
		if err != nil {
			t.Fatal(err)
		}
		l.entries = append(l.entries, e)
		l.tree.Append(e.Hash())
	}
	for _, tile := range l.tree.Changed() {
		tile.Width = eventlog.TileWidth // its place; it is cut to what is asked for
		l.tiles[tile.Path()] = tile.Hashes
	}
	return l
}

func (l *ledger) head() eventlog.Checkpoint {
	return eventlog.Checkpoint{Origin: origin, Size: uint64(len(l.entries)), Root: l.tree.Root()}
}

func (l *ledger) checkpoint(t *testing.T) []byte {
	t.Helper()
	s, err := eventlog.Signer(origin, l.key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := l.head().Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (l *ledger) verifier(t *testing.T) note.Verifier {
	t.Helper()
	v, err := eventlog.Verifier(origin, l.key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (l *ledger) ReadTile(_ context.Context, tile eventlog.Tile) ([]byte, error) {
	place := tile
	place.Width = eventlog.TileWidth
	b, want := l.tiles[place.Path()], tile.Width*32
	if len(b) < want {
		return nil, fault.New(fault.NotFound, "read tile", tile.Path(), "it is not there")
	}
	return b[:want], nil
}

func (l *ledger) Entries(_ context.Context, from, to uint64, fn func(uint64, eventlog.Entry) error) error {
	for i := from; i < to; i++ {
		if err := fn(i, l.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) export(t *testing.T, root string) (audit.Exported, error) {
	t.Helper()
	return audit.Export(t.Context(), root, l.head(), l.checkpoint(t), l, l.verifier(t), nil)
}

func wants(t *testing.T, err error, kind fault.Kind, says string) {
	t.Helper()
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %s that says %q", err, kind, says)
	}
}

// TestVerify computes logs of the sizes at which tiles fill and levels begin,
// beyond what is hashed between two looks at the tiles.
func TestVerify(t *testing.T) {
	l := newLedger(t, 1)
	for _, size := range []int{0, 1, 255, 256, 257, 16_384, 16_385, 40_000, 65_536, 65_800} {
		l.grow(t, size, "v")
		if _, err := audit.Verify(t.Context(), l.head(), l, nil); err != nil {
			t.Errorf("of %d entries: %v", size, err)
		}
	}
}

func TestVerifyNamesWhatIsWrongFirst(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(*ledger, *eventlog.Checkpoint)
		says   string
	}{
		"payload":     {func(l *ledger, _ *eventlog.Checkpoint) { l.entries[300].Payload[5] ^= 1 }, "entry 300: "},
		"salt":        {func(l *ledger, _ *eventlog.Checkpoint) { l.entries[0].Salt[0] ^= 1 }, "entry 0: "},
		"leaf":        {func(l *ledger, _ *eventlog.Checkpoint) { l.entries[17_000].Leaf[0] ^= 1 }, "entry 17000: "},
		"order":       {func(l *ledger, _ *eventlog.Checkpoint) { l.entries[3], l.entries[4] = l.entries[4], l.entries[3] }, "tile/0/000: "},
		"full tile":   {func(l *ledger, _ *eventlog.Checkpoint) { l.tiles["tile/0/002"][9] ^= 1 }, "tile/0/002: "},
		"level":       {func(l *ledger, _ *eventlog.Checkpoint) { l.tiles["tile/1/000"][9] ^= 1 }, "tile/1/000.p/66: "},
		"right edge":  {func(l *ledger, _ *eventlog.Checkpoint) { l.tiles["tile/0/066"][9] ^= 1 }, "tile/0/066.p/105: "},
		"lost tile":   {func(l *ledger, _ *eventlog.Checkpoint) { delete(l.tiles, "tile/0/001") }, "tile/0/001: "},
		"head's root": {func(_ *ledger, c *eventlog.Checkpoint) { c.Root[0] ^= 1 }, "come to the root"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t, 1).grow(t, 66*256+105, "v")
			head := l.head()
			test.damage(l, &head)
			_, err := audit.Verify(t.Context(), head, l, nil)
			wants(t, err, fault.Corrupt, test.says)
		})
	}
}

func TestHeadIsSigned(t *testing.T) {
	l, other := newLedger(t, 1).grow(t, 5, "v"), newLedger(t, 2).grow(t, 5, "v")
	if r, err := audit.Head(l.checkpoint(t), l.head(), l.verifier(t)); err != nil || !r.Signed {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := audit.Head(l.checkpoint(t), l.head(), nil); err != nil || r.Signed {
		t.Errorf("without a key: %+v, %v", r, err)
	}
	_, err := audit.Head(l.checkpoint(t), l.head(), other.verifier(t))
	wants(t, err, fault.Corrupt, "")
	was := l.checkpoint(t)
	_, err = audit.Head(was, l.grow(t, 6, "v").head(), l.verifier(t))
	wants(t, err, fault.Corrupt, "of 5 entries")
}

// TestExportGoesOn exports a log as it grows. What was there stays as it was,
// and the log verifies at each size, from nothing but the files.
func TestExportGoesOn(t *testing.T) {
	root, l := t.TempDir(), newLedger(t, 1)
	var before map[string]string
	size := 0
	for _, next := range []int{1, 255, 256, 256, 300, 1000, 20_000} {
		l.grow(t, next, "v")
		done, err := l.export(t, root)
		if err != nil || done.New != uint64(next-size) {
			t.Fatalf("at %d: %+v, %v", next, done, err)
		}
		size = next
		d, err := audit.FindDir(root, origin)
		if err != nil {
			t.Fatal(err)
		}
		r, err := audit.VerifyDir(t.Context(), d, l.verifier(t), nil)
		if err != nil || r.Checkpoint != l.head() || !r.Signed {
			t.Errorf("at %d: %+v, %v", next, r, err)
		}
		now := files(t, string(d))
		for path, data := range before {
			if path != "checkpoint" && now[path] != data {
				t.Errorf("at %d: %s is gone or another", next, path)
			}
		}
		before = now
	}
}

func files(t *testing.T, root string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, relErr := filepath.Rel(root, path)
		found[filepath.ToSlash(rel)] = string(data)
		return errors.Join(err, relErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestExportedDamage changes a byte of, and removes, each file that counts.
func TestExportedDamage(t *testing.T) {
	root, l := t.TempDir(), newLedger(t, 1).grow(t, 600, "v")
	done, err := l.export(t, root)
	if err != nil {
		t.Fatal(err)
	}
	d := audit.Dir(done.Dir)
	all := files(t, done.Dir)
	if len(all) != 1+3+1+3 {
		t.Fatalf("files: %q", slices.Sorted(maps.Keys(all)))
	}
	for path, data := range all {
		at := filepath.Join(done.Dir, filepath.FromSlash(path))
		damaged := []byte(data)
		damaged[len(damaged)/2] ^= 1
		if err := os.WriteFile(at, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := audit.VerifyDir(t.Context(), d, l.verifier(t), nil)
		wants(t, err, fault.Corrupt, "")
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.VerifyDir(t.Context(), d, l.verifier(t), nil); err == nil {
			t.Errorf("without %s it verifies", path)
		}
		if err := os.WriteFile(at, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := audit.VerifyDir(t.Context(), d, l.verifier(t), nil); err != nil {
		t.Error(err)
	}
}

// TestExportRefuses what would put a second history where there is one.
func TestExportRefuses(t *testing.T) {
	root := t.TempDir()
	l := newLedger(t, 1).grow(t, 300, "v")
	if _, err := l.export(t, root); err != nil {
		t.Fatal(err)
	}
	there := files(t, root)
	_, err := newLedger(t, 2).grow(t, 400, "v").export(t, root)
	wants(t, err, fault.Conflict, "another log")
	_, err = newLedger(t, 1).grow(t, 299, "v").export(t, root)
	wants(t, err, fault.Conflict, "it has 300 entries, and this store 299")
	for _, size := range []int{300, 500} {
		_, err = newLedger(t, 1).grow(t, 250, "v").grow(t, size, "other").export(t, root)
		wants(t, err, fault.Corrupt, "forked")
	}
	_, err = audit.Export(t.Context(), root, l.head(), l.checkpoint(t), l, nil, nil)
	wants(t, err, fault.Denied, "without the node's key")
	if !maps.Equal(there, files(t, root)) {
		t.Error("what was there has changed")
	}
	_, err = audit.FindDir(t.TempDir(), origin)
	wants(t, err, fault.NotFound, origin)
}
