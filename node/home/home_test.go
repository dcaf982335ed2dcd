package home_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

// childRole and childDir tell, in the environment, that this process is the
// child of a test, and what to do where.
const (
	childRole = "HOME_TEST_ROLE"
	childDir  = "HOME_TEST_DIR"
)

func TestMain(m *testing.M) {
	role, ok := roles()[os.Getenv(childRole)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(os.Getenv(childDir)); err != nil {
		fmt.Println("error", fault.KindOf(err), err)
	}
}

// roles are what a child can do; some need a particular system.
func roles() map[string]func(dir string) error {
	all := map[string]func(dir string) error{"hold": hold}
	addSystemRoles(all)
	return all
}

// child starts a child.
func child(t *testing.T, role, dir string) (cmd *exec.Cmd, in io.Closer, out *bufio.Reader) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdin, bufio.NewReader(stdout)
}

// hold holds a directory until its standard input ends.
func hold(dir string) error {
	h, err := home.Open(dir, home.Options{Create: true, Holder: "artifact\nserve"})
	if err != nil {
		return err
	}
	fmt.Println("holding")
	_, err = io.Copy(io.Discard, os.Stdin)
	if err != nil {
		return err
	}
	return h.Close()
}

func mustOpen(t *testing.T, dir string) *home.Home {
	t.Helper()
	h, err := home.Open(dir, home.Options{Create: true, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// wantFault checks kind, text and that there is a hint.
func wantFault(t *testing.T, err error, kind fault.Kind, text string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), text) || fault.HintOf(err) == "" {
		t.Fatalf("%v (%v), hint %q; want %v, with %q and a hint", err, fault.KindOf(err), fault.HintOf(err), kind, text)
	}
}

func TestCreateAndOpenAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	_, err := home.Open(dir, home.Options{})
	wantFault(t, err, fault.NotFound, dir)
	if _, err := os.Lstat(filepath.Dir(dir)); err == nil {
		t.Fatal("a refused opening made a directory")
	}
	want := [16]byte([]byte("0123456789abcdef"))
	h, err := home.Open(dir, home.Options{Create: true, Random: bytes.NewReader(want[:])})
	if err != nil {
		t.Fatal(err)
	}
	if !h.Created() || h.ID() != want || h.Dir() != dir {
		t.Fatalf("created %v, id %x, dir %s", h.Created(), h.ID(), h.Dir())
	}
	for _, sub := range []string{h.PacksDir(), h.IndexDir()} {
		if info, err := os.Stat(sub); err != nil || !info.IsDir() {
			t.Fatal(sub, err)
		}
	}
	marker, err := os.ReadFile(filepath.Join(dir, "artifact-store.json"))
	if err != nil || string(marker) != `{"format":1,"id":"30313233343536373839616263646566"}`+"\n" {
		t.Fatalf("%s %v", marker, err)
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if h, err = home.Open(dir, home.Options{}); err != nil {
			t.Fatal(err)
		}
		if h.Created() || h.ID() != want {
			t.Fatalf("opened again: created %v, id %x", h.Created(), h.ID())
		}
	}
	_ = h.Close()
}

// TestInterruptedCreation begins with each thing that a creation which was cut
// short may leave.
func TestInterruptedCreation(t *testing.T) {
	write := func(name, text string) func(dir string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	steps := []func(dir string) error{
		write("lock", ""),
		write("lock", "\n1\nx"),
		write(".probe", ""),
		func(dir string) error { return os.Mkdir(filepath.Join(dir, "packs"), 0o700) },
		func(dir string) error { return os.Mkdir(filepath.Join(dir, "index"), 0o700) },
		write("artifact-store.json.tmp", `{"for`),
	}
	for n := range len(steps) + 1 {
		dir := t.TempDir()
		for _, step := range steps[:n] {
			if err := step(dir); err != nil {
				t.Fatal(err)
			}
		}
		_, err := home.Open(dir, home.Options{})
		wantFault(t, err, fault.NotFound, "no artifact store")
		if h := mustOpen(t, dir); !h.Created() {
			t.Fatalf("after %d steps: not created", n)
		}
	}
}

func TestNotOurs(t *testing.T) {
	write := func(name, text string) string {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, c := range []struct {
		dir  string
		kind fault.Kind
		text string
	}{
		{write("thesis.txt", "my life's work"), fault.Invalid, "not an artifact store"},
		{write("packs/0001", "no marker"), fault.Invalid, "not an artifact store"},
		{write("artifact-store.json", `{"format":2,"id":"00112233445566778899aabbccddeeff"}`), fault.Invalid, "format is 2"},
	} {
		_, err := home.Open(c.dir, home.Options{Create: true})
		wantFault(t, err, c.kind, c.text)
	}
	for _, text := range []string{"", "{", `{"format":1,"id":"0011"}`, `{"format":1}`, `{"format":0,"id":"00112233445566778899aabbccddeeff"}`, `[]`} {
		_, err := home.Open(write("artifact-store.json", text), home.Options{Create: true})
		if !fault.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), "artifact-store.json") {
			t.Errorf("marker %q: %v (%v)", text, err, fault.KindOf(err))
		}
	}
	dir := write("thesis.txt", "")
	_, _ = home.Open(dir, home.Options{Create: true})
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("something was left in a directory that is not ours: %v", left)
	}
	if _, err := home.Open(filepath.Join(dir, "thesis.txt"), home.Options{Create: true}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file: %v (%v)", err, fault.KindOf(err))
	}
}

func TestHeldByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd, in, out := child(t, "hold", dir)
	if line, err := out.ReadString('\n'); err != nil || line != "holding\n" {
		t.Fatal(line, err)
	}
	for range 2 {
		_, err := home.Open(dir, home.Options{Create: true})
		wantFault(t, err, fault.Unavailable, fmt.Sprintf("process %d (artifact serve), since 2", cmd.Process.Pid))
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	h := mustOpen(t, dir)
	_, err := home.Open(dir, home.Options{})
	wantFault(t, err, fault.Unavailable, fmt.Sprint("process ", os.Getpid()))
	if h.Created() {
		t.Error("created twice")
	}
}

func TestHolderIsKilled(t *testing.T) {
	dir := t.TempDir()
	cmd, _, out := child(t, "hold", dir)
	if line, err := out.ReadString('\n'); err != nil || line != "holding\n" {
		t.Fatal(line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	mustOpen(t, dir)
}

func TestConcurrentCreation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex // guards the rest
		ids     = make(map[[16]byte]bool)
		created int
	)
	for range 8 {
		wg.Go(func() {
			for {
				h, err := home.Open(dir, home.Options{Create: true, Ballast: -1})
				if fault.Is(err, fault.Unavailable) {
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				ids[h.ID()] = true
				if h.Created() {
					created++
				}
				_ = h.Close()
				return
			}
		})
	}
	wg.Wait()
	if created != 1 || len(ids) != 1 {
		t.Errorf("created %d times, with %d identities", created, len(ids))
	}
}

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	h, err := home.Open(dir, home.Options{Create: true, Ballast: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	free, err := h.Free()
	if err != nil || free == 0 {
		t.Fatal(free, err)
	}
	for _, n := range []int64{0, 1, -1} {
		if err := h.Admit(n); err != nil {
			t.Fatal(n, err)
		}
	}
	for _, n := range []int64{int64(free), 1 << 62, 1<<63 - 1} {
		wantFault(t, h.Admit(n), fault.Full, "are needed")
	}
	if n, err := h.ReleaseBallast(); err != nil || n != 1<<20 {
		t.Fatalf("released %d: %v", n, err)
	}
	if n, err := h.ReleaseBallast(); err != nil || n != 0 {
		t.Fatalf("released again %d: %v", n, err)
	}
}
