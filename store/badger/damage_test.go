package badger_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/storetest"
)

// fill makes a database of several tables and returns what it holds.
func fill(t *testing.T, dir string) []store.Pair {
	t.Helper()
	for i := range 3 {
		db := open(t, dir)
		var b store.Batch
		for j := range 400 {
			b.Put = append(b.Put, store.Pair{Key: fmt.Appendf(nil, "%d-%d", j, i), Value: make([]byte, 50)})
		}
		if err := db.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, dir)
	defer db.Close()
	all, err := storetest.Dump(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFlippedBits flips one bit at a time in each file: either it is found and
// the file named, or it does no harm.
func TestFlippedBits(t *testing.T) {
	whole := t.TempDir()
	want := fill(t, whole)
	files, err := os.ReadDir(whole)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range files {
		found, tried := 0, 0
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		flips := 25
		if f.Name() == "MANIFEST" {
			flips = 120 // it has no redundancy, and all hangs on it
		}
		for range min(flips, int(info.Size())) {
			// The end of a file matters as much as all the rest of it.
			at := rng.Int64N(min(info.Size(), 1<<12))
			if rng.IntN(2) == 0 {
				at = info.Size() - 1 - at
			}
			tried++
			if flipped(t, whole, f.Name(), at, byte(1)<<rng.IntN(8), want) {
				found++
			}
		}
		t.Logf("%s: %d of %d flips found, the others harmless", f.Name(), found, tried)
		if strings.HasSuffix(f.Name(), ".sst") && found != tried {
			t.Errorf("%s: a flip in a table was not found", f.Name())
		}
	}
}

// flipped reports whether the flip is found when the database is opened.
func flipped(t *testing.T, whole, name string, at int64, bit byte, want []store.Pair) (found bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[at] ^= bit
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(dir, badger.Options{})
	if err != nil {
		if !fault.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s at %d: %v (%v)", name, at, err, fault.KindOf(err))
		}
		return true
	}
	defer db.Close()
	got, err := storetest.Dump(t.Context(), db)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s at %d bit %x: opened, with %d keys of %d: %v", name, at, bit, len(got), len(want), err)
	}
	return false
}

func TestMissingTable(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	tables, err := fs.Glob(os.DirFS(dir), "*.sst")
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	if err := os.Remove(filepath.Join(dir, tables[0])); err != nil {
		t.Fatal(err)
	}
	_, err = badger.Open(dir, badger.Options{})
	if !fault.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), tables[0]) || fault.HintOf(err) == "" {
		t.Fatalf("%v (%v), hint %q", err, fault.KindOf(err), fault.HintOf(err))
	}
}

func TestVerifyFindsWhatHappensWhileOpen(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	db := open(t, dir)
	defer db.Close()
	if err := db.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	tables, _ := fs.Glob(os.DirFS(dir), "*.sst")
	f, err := os.OpenFile(filepath.Join(dir, tables[0]), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff}, 100); err != nil {
		t.Fatal(err)
	}
	if err := db.Verify(t.Context()); !fault.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), tables[0]) {
		t.Fatal(err)
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	if _, err := badger.Open(dir, badger.Options{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("opened twice: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}
