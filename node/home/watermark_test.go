package home_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

// mark is the n-th mark of a history.
func mark(n uint64) home.Mark {
	m := home.Mark{Sequence: n}
	binary.LittleEndian.PutUint64(m.Chain[7:], n*0x9e3779b97f4a7c15)
	return m
}

func markPath(h *home.Home, state string) string {
	id := h.ID()
	return filepath.Join(state, hex.EncodeToString(id[:])+".mark")
}

func wantMark(t *testing.T, w *home.Watermark, want home.Mark) {
	t.Helper()
	if m, known, err := w.Load(); err != nil || !known || m != want {
		t.Errorf("the mark is %d (known %v, %v), want %d", m.Sequence, known, err, want.Sequence)
	}
}

func wantNoMark(t *testing.T, w *home.Watermark) {
	t.Helper()
	if m, known, err := w.Load(); err != nil || known {
		t.Errorf("there is a mark %d (known %v, %v), want none", m.Sequence, known, err)
	}
}

// saved saves marks, each durably, and lets go.
func saved(t *testing.T, w *home.Watermark, marks ...home.Mark) {
	t.Helper()
	for _, m := range marks {
		if err := errors.Join(w.Save(m), w.Sync()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// copyOf is the store copied to another place, as from a backup.
func copyOf(t *testing.T, h *home.Home) *home.Home {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const marker = "artifact-store.json"
	writeFile(t, filepath.Join(dir, marker), readFile(t, filepath.Join(h.Dir(), marker)), 0o600)
	return mustOpen(t, dir)
}

func TestWatermark(t *testing.T) {
	h, state := mustOpen(t, t.TempDir()), filepath.Join(t.TempDir(), "not", "yet")
	w := h.Watermark(state)
	if _, err := os.Lstat(filepath.Dir(state)); err == nil {
		t.Error("it touched something before it was used")
	}
	wantNoMark(t, w)
	for n := uint64(1); n <= 5; n++ {
		if err := w.Save(mark(n)); err != nil {
			t.Fatal(err)
		}
		wantMark(t, w, mark(n))
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	path := markPath(h, state)
	wantMode(t, path, 0o600)
	for n := uint64(6); n <= 9; n++ { // with none loaded before
		w := h.Watermark(state)
		saved(t, w, mark(n))
		wantMark(t, w, mark(n)) // it can be used again
		_ = w.Close()
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 8192 {
		t.Errorf("the file has %d bytes (%v)", info.Size(), err)
	}
	if left, _ := os.ReadDir(h.Dir()); strings.Contains(readNames(left), "mark") {
		t.Errorf("the store holds %s", readNames(left))
	}
}

func readNames(entries []os.DirEntry) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// Copies of a store share its mark, wherever they are; other stores do not.
func TestWatermarkIsOfTheStore(t *testing.T) {
	state := t.TempDir()
	h, other := mustOpen(t, t.TempDir()), mustOpen(t, t.TempDir())
	saved(t, h.Watermark(state), mark(7))
	w := other.Watermark(state)
	wantNoMark(t, w)
	saved(t, w, mark(3))
	w = copyOf(t, h).Watermark(state)
	wantMark(t, w, mark(7))
	saved(t, w, mark(8))
	for store, want := range map[*home.Home]home.Mark{h: mark(8), other: mark(3)} {
		w := store.Watermark(state)
		wantMark(t, w, want)
		_ = w.Close()
	}
	// The file of one store, under the name of another, is none of it.
	writeFile(t, markPath(other, state), readFile(t, markPath(h, state)), 0o600)
	_, _, err := other.Watermark(state).Load()
	wantFault(t, err, fault.Corrupt, "no mark of this store")
}

// Two copies that run at once would each find the mark where they left it.
func TestCopiesDoNotRunAtOnce(t *testing.T) {
	state := t.TempDir()
	h := mustOpen(t, t.TempDir())
	w, second := h.Watermark(state), copyOf(t, h).Watermark(state)
	wantNoMark(t, w)
	_, _, err := second.Load()
	wantFault(t, err, fault.Unavailable, "another copy")
	wantFault(t, second.Save(mark(1)), fault.Unavailable, "another copy")
	saved(t, w, mark(4))
	wantMark(t, second, mark(4))
	_ = second.Close()
}

// damage changes a byte in the slot at an offset, or cuts the file there.
func damage(t *testing.T, path string, at int) {
	t.Helper()
	data := []byte(readFile(t, path))
	data[at] ^= 0x40
	writeFile(t, path, string(data), 0o600)
}

const slots, slotBytes = 4096, 72

// A slot that is damaged anywhere leaves the mark of the other, and is what is
// written next; with both damaged there is no telling.
func TestWatermarkDamage(t *testing.T) {
	h, state := mustOpen(t, t.TempDir()), t.TempDir()
	path := markPath(h, state)
	saved(t, h.Watermark(state), mark(1), mark(2))
	whole := readFile(t, path)
	newest := 0
	for at := range 2 * slotBytes {
		slot, offset := at/slotBytes, at%slotBytes
		writeFile(t, path, whole, 0o600)
		damage(t, path, slot*slots+offset)
		w := h.Watermark(state)
		m, known, err := w.Load()
		if err != nil || !known || m != mark(1) && m != mark(2) {
			t.Fatalf("byte %d of slot %d: %d, %v, %v", offset, slot, m.Sequence, known, err)
		}
		if m == mark(2) {
			newest++
		}
		saved(t, w, mark(3))
		w = h.Watermark(state)
		wantMark(t, w, mark(3))
		saved(t, w, mark(4)) // and both are whole again
		damage(t, path, slot*slots+offset)
		w = h.Watermark(state)
		if m, _, err := w.Load(); err != nil || m != mark(3) && m != mark(4) {
			t.Fatalf("byte %d of slot %d, after two more: %d, %v", offset, slot, m.Sequence, err)
		}
		_ = w.Close()
	}
	if newest != slotBytes {
		t.Errorf("%d of %d times the newest was left, want half", newest, 2*slotBytes)
	}
	for name, text := range map[string]string{
		"both damaged":   "x" + whole[1:slots] + "x" + whole[slots+1:],
		"empty":          "",
		"cut in a slot":  whole[:slotBytes-1],
		"zeros":          strings.Repeat("\x00", len(whole)),
		"something else": "hello\n",
	} {
		writeFile(t, path, text, 0o600)
		for _, w := range []*home.Watermark{h.Watermark(state), h.Watermark(state)} {
			_, _, err := w.Load()
			if !fault.Is(err, fault.Corrupt) || !strings.Contains(fault.HintOf(err), "remove the file") {
				t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
			}
			if err := w.Save(mark(9)); !fault.Is(err, fault.Corrupt) {
				t.Errorf("%s: a mark was saved over it: %v", name, err)
			}
			_ = w.Close()
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w := h.Watermark(state)
	wantNoMark(t, w)
	saved(t, w, mark(2))
}

// A power cut leaves any of the bytes that were not made durable as they were,
// or torn: what was durable is never lost, and nothing is made up.
func TestWatermarkTorn(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			rt.Fatal(err)
		}
		clock := time.Unix(1e9, 0)
		h, err := home.Open(filepath.Join(dir, "store"), home.Options{Create: true, Ballast: -1, Now: func() time.Time { return clock }})
		if err != nil {
			rt.Fatal(err)
		}
		defer h.Close()
		path := markPath(h, dir)
		w := h.Watermark(dir)
		must := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		n, durable := uint64(1), uint64(1)
		must(w.Save(mark(n)))
		onDisk, err := os.ReadFile(path)
		must(err)
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 2).Draw(rt, "step") {
			case 0:
				must(w.Save(mark(n + 1)))
				n++
				continue // not durable
			case 1:
				must(w.Sync())
			case 2:
				clock = clock.Add(time.Second)
				must(w.Save(mark(n + 1)))
				n++
			}
			durable = n
			onDisk, err = os.ReadFile(path)
			must(err)
		}
		written, err := os.ReadFile(path)
		must(err)
		must(w.Close())
		for i := range onDisk { // a cut: of each byte that changed, the old or the new
			if onDisk[i] != written[i] && rapid.Bool().Draw(rt, "kept") {
				onDisk[i] = written[i]
			}
		}
		must(os.WriteFile(path, onDisk, 0o600))
		w = h.Watermark(dir)
		defer w.Close()
		got, known, err := w.Load()
		if err != nil || !known || got.Sequence < durable || got.Sequence > n || got != mark(got.Sequence) {
			rt.Fatalf("after the cut the mark is %d (%v, %v); %d was durable, %d the last", got.Sequence, known, err, durable, n)
		}
	})
}

// A mark that was being made when the process died is none, and not in the way.
func TestWatermarkAfterACrash(t *testing.T) {
	h, state := mustOpen(t, t.TempDir()), t.TempDir()
	writeFile(t, markPath(h, state)+".tmp", "half", 0o600)
	w := h.Watermark(state)
	wantNoMark(t, w)
	saved(t, w, mark(1))
	wantMark(t, w, mark(1))
	_ = w.Close()
	if _, err := os.Lstat(markPath(h, state) + ".tmp"); err == nil {
		t.Error("what was left is there still")
	}
}

// Where nobody chose the place, one that cannot be used is as good as none, and
// says so when a mark is to be kept; where somebody did, it is an error.
func TestWatermarkWithoutAPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "", 0o600)
	linked := t.TempDir()
	h := mustOpen(t, t.TempDir())
	writeFile(t, filepath.Join(linked, "elsewhere"), "theirs", 0o600)
	if err := os.MkdirAll(filepath.Join(linked, "artifact-store"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(linked, "elsewhere"), markPath(h, filepath.Join(linked, "artifact-store"))); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	for name, c := range map[string]struct {
		xdg, explicit string
		kind          fault.Kind
	}{
		"beneath a file":   {file, filepath.Join(file, "x"), fault.Invalid},
		"a link":           {linked, filepath.Join(linked, "artifact-store"), fault.Denied},
		"within the store": {h.Dir(), filepath.Join(h.Dir(), "state"), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ARTIFACT_STATE_DIR", "")
			t.Setenv("XDG_STATE_HOME", c.xdg)
			w := h.Watermark("")
			wantNoMark(t, w)
			if err := w.Save(mark(1)); !fault.Is(err, c.kind) {
				t.Errorf("saving says %v (%v)", err, fault.KindOf(err))
			}
			wantNoMark(t, w)
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			t.Setenv("ARTIFACT_STATE_DIR", c.explicit)
			for _, w := range []*home.Watermark{h.Watermark(c.explicit), h.Watermark("")} {
				if _, _, err := w.Load(); !fault.Is(err, c.kind) {
					t.Errorf("where it was chosen, loading says %v (%v)", err, fault.KindOf(err))
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if readFile(t, filepath.Join(linked, "elsewhere")) != "theirs" {
		t.Error("a link was written through")
	}
}

func TestWatermarkWithoutAHome(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	for _, name := range []string{"ARTIFACT_STATE_DIR", "XDG_STATE_HOME", "HOME", "LocalAppData", "USERPROFILE"} {
		t.Setenv(name, "")
	}
	w := h.Watermark("")
	wantNoMark(t, w)
	wantFault(t, w.Save(mark(1)), fault.Unavailable, "keep watermark")
	if err := errors.Join(w.Sync(), w.Close()); err != nil {
		t.Error(err)
	}
}

// The environment names the place: ours first, then the system's.
func TestWatermarkPlace(t *testing.T) {
	h := mustOpen(t, t.TempDir())
	user, xdg, ours, flag := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("HOME", user)
	t.Setenv("XDG_STATE_HOME", "relative/is/ignored")
	t.Setenv("ARTIFACT_STATE_DIR", "")
	t.Chdir(t.TempDir())
	steps := []struct{ set, to, flag, want string }{
		{"XDG_STATE_HOME", xdg, "", filepath.Join(xdg, "artifact-store")},
		{"ARTIFACT_STATE_DIR", "relative", "", "relative"},
		{"ARTIFACT_STATE_DIR", ours, "", ours},
		{"ARTIFACT_STATE_DIR", ours, flag, flag},
	}
	for i, s := range steps {
		t.Setenv(s.set, s.to)
		saved(t, h.Watermark(s.flag), mark(uint64(i)+1))
		if _, err := os.Stat(markPath(h, s.want)); err != nil {
			t.Error(err)
		}
	}
	if all, _ := os.ReadDir(user); len(all) > 0 {
		t.Errorf("the user's home has %s", readNames(all))
	}
	t.Setenv("ARTIFACT_STATE_DIR", "")
	t.Setenv("XDG_STATE_HOME", "relative/is/ignored")
	saved(t, h.Watermark(""), mark(9))
	if all, _ := os.ReadDir("."); readNames(all) != "relative" {
		t.Errorf("the working directory has %s", readNames(all))
	}
}

func TestConcurrentWatermark(t *testing.T) {
	h, state := mustOpen(t, t.TempDir()), t.TempDir()
	w := h.Watermark(state)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				if err := w.Save(mark(uint64(8*n + i))); err != nil {
					t.Error(err)
				}
				if _, known, err := w.Load(); err != nil || !known {
					t.Error(known, err)
				}
				if i == 0 {
					_ = w.Sync()
				}
			}
		})
	}
	wg.Wait()
	saved(t, w, mark(1000))
	wantMark(t, w, mark(1000))
	_ = w.Close()
}

// FuzzWatermark reads any file as one: it is refused as damaged, or a mark that
// is found in it is found in what is written of it.
func FuzzWatermark(f *testing.F) {
	state := f.TempDir()
	h, err := home.Open(f.TempDir(), home.Options{Create: true, Ballast: -1, Random: strings.NewReader("0123456789abcdef")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = h.Close() })
	path := markPath(h, state)
	w := h.Watermark(state)
	if err := errors.Join(w.Save(mark(1)), w.Save(mark(2)), w.Close()); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:100])
	f.Add(good[4000:])
	f.Fuzz(func(t *testing.T, data []byte) {
		writeFile(t, path, string(data), 0o600)
		w := h.Watermark(state)
		defer w.Close()
		m, known, err := w.Load()
		if err != nil || !known {
			if !fault.Is(err, fault.Corrupt) {
				t.Fatalf("%v (%v)", err, fault.KindOf(err))
			}
			return
		}
		if m.Sequence < 1<<63 {
			m.Sequence++
		}
		if err := w.Save(m); err != nil {
			t.Fatal(err)
		}
		wantMark(t, w, m)
	})
}

// One mark, as after each commit.
func BenchmarkWatermark(b *testing.B) {
	h, err := home.Open(b.TempDir(), home.Options{Create: true, Ballast: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	w := h.Watermark(b.TempDir())
	defer w.Close()
	for n := uint64(1); b.Loop(); n++ {
		if err := w.Save(mark(n)); err != nil {
			b.Fatal(err)
		}
	}
}
