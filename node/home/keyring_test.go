package home_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

// idOf is what could be the id of a key.
func idOf(c string) string { return strings.Repeat(c, 64) }

func mustWrite(t *testing.T, k *home.Keyring, name, private, public string) {
	t.Helper()
	if err := k.Write(name, []byte(private), []byte(public)); err != nil {
		t.Fatal(err)
	}
}

func wantKey(t *testing.T, k *home.Keyring, name, private, public string) {
	t.Helper()
	a, b, err := k.Read(name)
	if err != nil || string(a) != private || string(b) != public {
		t.Errorf("%s is %q and %q (%v), want %q and %q", name, a, b, err, private, public)
	}
}

func wantNames(t *testing.T, k *home.Keyring, want ...string) {
	t.Helper()
	if got, err := k.Names(); err != nil || !slices.Equal(got, want) {
		t.Errorf("the keys are %q (%v), want %q", got, err, want)
	}
}

func TestKeyring(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	k := h.Keyring()
	wantNames(t, k)
	_, _, err := k.Read("ci")
	wantFault(t, err, fault.NotFound, "ci")
	if _, err := os.Lstat(filepath.Join(h.Dir(), "keys")); err == nil {
		t.Error("looking made a directory")
	}
	mustWrite(t, k, "release_2", "sealed 1", "open 1")
	mustWrite(t, k, "ci", "sealed 2", "open 2")
	wantNames(t, k, "ci", "release_2")
	wantKey(t, k, "release_2", "sealed 1", "open 1")
	wantKey(t, k, "ci", "sealed 2", "open 2")
	wantMode(t, k.Path("ci"), 0o600)
	wantMode(t, filepath.Join(h.Dir(), "keys"), os.ModeDir|0o700)

	err = k.Write("ci", []byte("other"), []byte("other"))
	wantFault(t, err, fault.Conflict, "ci")
	wantKey(t, k, "ci", "sealed 2", "open 2")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	wantKey(t, mustOpen(t, h.Dir()).Keyring(), "ci", "sealed 2", "open 2")
}

func TestKeyNamesDoNotEscape(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	k := h.Keyring()
	writeFile(t, filepath.Join(h.Dir(), "outside.key"), "secret", 0o600)
	writeFile(t, filepath.Join(h.Dir(), "outside.pub"), "known", 0o600)
	mustWrite(t, k, "ci", "sealed", "open")
	for _, name := range []string{
		"", ".", "..", "../outside", "..\\outside", "/etc/passwd", "a/b", "a.b", ".hidden", "-x", "a b", "a\x00", "a\n",
		"ci.key", "é", strings.Repeat("a", 129), filepath.Join(h.Dir(), "outside"),
	} {
		_, _, err := k.Read(name)
		for what, err := range map[string]error{
			"read": err, "write": k.Write(name, []byte("x"), []byte("y")), "retire": k.Retire(name, idOf("a")),
		} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %q: %v (%v)", what, name, err, fault.KindOf(err))
			}
		}
	}
	for _, id := range []string{"", "..", "../" + idOf("a")[3:], idOf("g"), idOf("a")[2:]} {
		if err := k.Retire("ci", id); !fault.Is(err, fault.Invalid) {
			t.Errorf("retire as %q: %v", id, err)
		}
	}
	if all, err := os.ReadDir(filepath.Join(h.Dir(), "keys")); err != nil || len(all) != 2 {
		t.Errorf("the keyring holds %v (%v)", all, err)
	}
}

func TestRetire(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	k, at := h.Keyring(), func(name string) string { return filepath.Join(h.Dir(), "keys", name) }
	if err := k.Retire("ci", idOf("a")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a key that is not: %v", err)
	}
	mustWrite(t, k, "ci", "sealed 1", "open 1")
	// Cut short after the first of its two steps, it can be done again.
	if err := os.Rename(at("ci.pub"), at("ci."+idOf("a")+".pub")); err != nil {
		t.Fatal(err)
	}
	if err := k.Write("ci", []byte("x"), []byte("y")); !fault.Is(err, fault.Conflict) {
		t.Errorf("the name is taken while the private half is there: %v", err)
	}
	if err := k.Retire("ci", idOf("a")); err != nil {
		t.Fatal(err)
	}
	wantNames(t, k)
	mustWrite(t, k, "ci", "sealed 2", "open 2")
	wantNames(t, k, "ci")
	wantKey(t, k, "ci", "sealed 2", "open 2")
	for name, want := range map[string]string{".key": "sealed 1", ".pub": "open 1"} {
		if got := readFile(t, at("ci."+idOf("a")+name)); got != want {
			t.Errorf("of the retired key, %s is %q, want %q", name, got, want)
		}
	}
}

func TestKeyringAfterACrash(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	k, dir := h.Keyring(), filepath.Join(h.Dir(), "keys")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// Each is what one moment of a Write leaves.
	for _, left := range []string{"ci.pub.tmp", "ci.pub", "ci.key.tmp"} {
		writeFile(t, filepath.Join(dir, left), "half", 0o600)
		wantNames(t, k)
		if _, _, err := k.Read("ci"); !fault.Is(err, fault.NotFound) {
			t.Errorf("with %s: %v", left, err)
		}
	}
	mustWrite(t, k, "ci", "sealed", "open")
	wantKey(t, k, "ci", "sealed", "open")
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("the keyring holds %v (%v)", all, err)
	}
}

func TestKeyringRefuses(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	k, dir := h.Keyring(), filepath.Join(h.Dir(), "keys")
	mustWrite(t, k, "ci", "sealed", "open")
	if runtime.GOOS != "windows" {
		if err := os.Chmod(k.Path("ci"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, err := k.Read("ci")
		wantFault(t, err, fault.Denied, "others")
		if fault.HintOf(err) != "chmod 600 "+k.Path("ci") {
			t.Errorf("the hint is %q", fault.HintOf(err))
		}
	}
	long := bytes.Repeat([]byte{'x'}, 4097)
	if err := k.Write("long", long, []byte("open")); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a long key: %v", err)
	}
	writeFile(t, k.Path("long"), string(long), 0o600)
	if _, _, err := k.Read("long"); !fault.Is(err, fault.Corrupt) {
		t.Errorf("a long file: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "stuck.pub.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "stuck.pub.tmp", "x"), "", 0o600)
	if err := k.Write("stuck", []byte("a"), []byte("b")); err == nil {
		t.Error("a write that cannot be done says nothing")
	}
	if _, _, err := k.Read("stuck"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after it: %v", err)
	}
}

func TestKeyringFollowsNoLinks(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	k, dir, elsewhere := h.Keyring(), filepath.Join(h.Dir(), "keys"), t.TempDir()
	mustWrite(t, k, "ci", "sealed", "open")
	writeFile(t, filepath.Join(elsewhere, "stolen"), "secret", 0o600)
	if err := os.Symlink(filepath.Join(elsewhere, "stolen"), k.Path("link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	_, _, err := k.Read("link")
	wantFault(t, err, fault.Denied, "not a regular file")
	wantFault(t, k.Write("link", []byte("x"), []byte("y")), fault.Conflict, "link")
	if err := os.Rename(dir, filepath.Join(elsewhere, "keys")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "keys"), dir); err != nil {
		t.Fatal(err)
	}
	_, _, err = k.Read("ci")
	wantFault(t, err, fault.Denied, "not a directory")
	_, err = k.Names()
	wantFault(t, err, fault.Denied, "not a directory")
	wantFault(t, k.Write("new", []byte("x"), []byte("y")), fault.Denied, "not a directory")
	wantFault(t, k.Retire("ci", idOf("a")), fault.Denied, "not a directory")
	if got := readFile(t, filepath.Join(elsewhere, "stolen")); got != "secret" {
		t.Errorf("a link was written through: %q", got)
	}
}

// Of many who want a name at once, one has it, whole.
func TestConcurrentKeyring(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex // guards won
		won []string
	)
	for i := range 16 {
		wg.Go(func() {
			text := strings.Repeat(string(rune('a'+i)), 1000)
			err := h.Keyring().Write("ci", []byte(text), []byte(text))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, text)
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d had the name", len(won))
	}
	wantKey(t, h.Keyring(), "ci", won[0], won[0])
}
