package home_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

func mustIdentity(t *testing.T, h *home.Home, site string) home.Identity {
	t.Helper()
	id, err := h.Identity(rand.Reader, site)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

// The key is made once, and is one that others can sign and verify notes with.
func TestIdentityIsKept(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	path := filepath.Join(h.Dir(), "node.key")
	first, err := h.Identity(bytes.NewReader(bytes.Repeat([]byte{7}, ed25519.SeedSize)), "")
	if err != nil {
		t.Fatal(err)
	}
	public := first.Key.Public().(ed25519.PublicKey)
	if want := eventlog.DefaultSite(public); first.Site != want {
		t.Errorf("the site is %q, want %q", first.Site, want)
	}
	wantMode(t, path, 0o600)
	text := readFile(t, path)
	signer, err := note.NewSigner(strings.TrimSuffix(text, "\n"))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	verifier, err := note.NewVerifier(eventlog.VerifierKey(first.Site, public))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: "a word\n"}, signer)
	if err == nil {
		_, err = note.Open(signed, note.VerifierList(verifier))
	}
	if err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = mustOpen(t, h.Dir())
	for _, site := range []string{"", first.Site} {
		again := mustIdentity(t, h, site)
		if again.Site != first.Site || !again.Key.Equal(first.Key) || readFile(t, path) != text {
			t.Errorf("opened again, as %q, it is another: %q", site, again.Site)
		}
	}
}

func TestIdentityOfASite(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	for _, site := range []string{"Example.org", "a b", "a+b", "a/b", "..", "-a", strings.Repeat("a", 254), "a\n"} {
		_, err := h.Identity(rand.Reader, site)
		wantFault(t, err, fault.Invalid, "")
	}
	if _, err := os.Lstat(filepath.Join(h.Dir(), "node.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a site that was refused left a key: %v", err)
	}
	if id := mustIdentity(t, h, "example.org"); id.Site != "example.org" {
		t.Fatalf("the site is %q", id.Site)
	}
	if id := mustIdentity(t, h, ""); id.Site != "example.org" {
		t.Fatalf("left out, the site is %q", id.Site)
	}
	_, err := h.Identity(rand.Reader, "example.com")
	wantFault(t, err, fault.Conflict, "example.org")
}

// Any site comes back as it was given, with the key.
func TestIdentityRoundTrip(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		site := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,9}){0,3}`).Draw(rt, "site")
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			rt.Fatal(err)
		}
		h, err := home.Open(dir, home.Options{Create: true, Ballast: -1})
		if err != nil {
			rt.Fatal(err)
		}
		defer h.Close()
		made, err := h.Identity(nil, site)
		if err != nil {
			rt.Fatal(err)
		}
		read, err := h.Identity(nil, "")
		if err != nil || read.Site != site || !read.Key.Equal(made.Key) {
			rt.Fatalf("made of %q, read as %q (%v)", site, read.Site, err)
		}
	})
}

// A store that holds something lost its key: another would begin a second
// history under its names.
func TestALostKeyIsNotReplaced(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	mustIdentity(t, h, "")
	path := filepath.Join(h.Dir(), "node.key")
	kept := readFile(t, path)
	writeFile(t, filepath.Join(h.PacksDir(), "0001"), "bulk", 0o600)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := h.Identity(rand.Reader, "")
	wantFault(t, err, fault.NotFound, "node.key")
	if _, err := os.Lstat(path); err == nil {
		t.Fatal("a key was made")
	}
	writeFile(t, path, kept, 0o600)
	mustIdentity(t, h, "")
}

func TestAKeyThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	h := mustOpen(t, t.TempDir())
	mustIdentity(t, h, "")
	path := filepath.Join(h.Dir(), "node.key")
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := h.Identity(rand.Reader, "")
		wantFault(t, err, fault.Denied, "others")
		if fault.HintOf(err) != "chmod 600 "+path {
			t.Errorf("mode %o: the hint is %q", mode, fault.HintOf(err))
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		mustIdentity(t, h, "")
	}
}

func TestALinkIsNoKey(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	mustIdentity(t, h, "")
	path, elsewhere := filepath.Join(h.Dir(), "node.key"), filepath.Join(t.TempDir(), "stolen")
	if err := os.Rename(path, elsewhere); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{elsewhere, filepath.Join(h.Dir(), "nowhere")} {
		if err := os.Symlink(target, path); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		_, err := h.Identity(rand.Reader, "")
		wantFault(t, err, fault.Denied, "not a regular file")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := h.Identity(rand.Reader, "")
	wantFault(t, err, fault.Denied, "not a regular file")
}

// What a crash leaves of a key that was being made is no key, and not in the
// way of one; and where there is one, it stays.
func TestIdentityAfterACrash(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	path := filepath.Join(h.Dir(), "node.key")
	bystander := filepath.Join(t.TempDir(), "bystander")
	writeFile(t, bystander, "mine", 0o644)
	for _, leave := range []func() error{
		func() error { return os.WriteFile(path+".tmp", []byte("PRIVATE+K"), 0o600) },
		func() error { return os.WriteFile(path+".tmp", nil, 0o400) },
		func() error { return os.Symlink(bystander, path+".tmp") },
	} {
		if err := leave(); err != nil {
			t.Fatal(err)
		}
		made := mustIdentity(t, h, "")
		if read := mustIdentity(t, h, ""); !read.Key.Equal(made.Key) {
			t.Error("it is another when it is read")
		}
		wantMode(t, path, 0o600)
		if _, err := os.Lstat(path + ".tmp"); err == nil {
			t.Error("what was left is there still")
		}
		// With the key in place, what is beside it does not matter.
		writeFile(t, path+".tmp", "PRIVATE+K", 0o600)
		if read := mustIdentity(t, h, ""); !read.Key.Equal(made.Key) {
			t.Error("what is beside it changed it")
		}
		if err := errors.Join(os.Remove(path), os.Remove(path+".tmp")); err != nil {
			t.Fatal(err)
		}
	}
	if readFile(t, bystander) != "mine" {
		t.Error("a link was written through")
	}
}

// exhausted gives out after some bytes.
type exhausted struct{ left int }

func (e *exhausted) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, errors.New("no entropy")
	}
	n := min(e.left, len(p))
	e.left -= n
	return n, nil
}

func TestAKeyThatCannotBeMade(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	path := filepath.Join(h.Dir(), "node.key")
	for _, n := range []int{0, 1, ed25519.SeedSize - 1} {
		if _, err := h.Identity(&exhausted{n}, ""); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after %d random bytes: %v", n, err)
		}
	}
	// Something stands where the file is written to.
	if err := os.MkdirAll(filepath.Join(path+".tmp", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Identity(rand.Reader, ""); err == nil || !strings.Contains(err.Error(), "make node key") {
		t.Errorf("with no place to write to: %v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a key was left")
	}
}

func TestConcurrentIdentity(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	var (
		wg   sync.WaitGroup
		keys [16]string
	)
	for i := range keys {
		wg.Go(func() {
			id, err := h.Identity(rand.Reader, "")
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = string(id.Key)
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("two keys were made")
		}
	}
}

// FuzzIdentity reads any file as a key: it is refused as damaged, or it is the
// very text that such a key is written as.
func FuzzIdentity(f *testing.F) {
	const good = "PRIVATE+KEY+example.org+49fdf4a7+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"
	f.Add([]byte(good + "\n"))
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "org+4", "com+4", 1) + "\n"))
	f.Add([]byte("PRIVATE+KEY+"))
	f.Add([]byte("PRIVATE+KEY+++\n"))
	f.Add(bytes.Repeat([]byte{'+'}, 5000))
	h, err := home.Open(f.TempDir(), home.Options{Create: true, Ballast: -1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = h.Close() })
	path := filepath.Join(h.Dir(), "node.key")
	f.Fuzz(func(t *testing.T, data []byte) {
		writeFile(t, path, string(data), 0o600)
		id, err := h.Identity(nil, "")
		if err != nil {
			if !fault.Is(err, fault.Corrupt) {
				t.Fatalf("%q: %v (%v)", data, err, fault.KindOf(err))
			}
			return
		}
		if signer, err := note.NewSigner(strings.TrimSuffix(string(data), "\n")); err != nil || signer.Name() != id.Site {
			t.Fatalf("%q is read as a key of %q, which a note's signer is not: %v", data, id.Site, err)
		}
	})
}
