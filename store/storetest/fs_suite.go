package storetest

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// TestFS proves that a [pack.FS] keeps its contract. open returns an empty one
// for each part, and closes it by t.Cleanup.
func TestFS(t *testing.T, open func(t *testing.T) pack.FS) {
	t.Run("names", func(t *testing.T) { testNames(t, open(t)) })
	t.Run("bytes", func(t *testing.T) { testBytes(t, open(t)) })
	t.Run("sizes", func(t *testing.T) { testSizes(t, open(t)) })
	t.Run("alignment", func(t *testing.T) { testAlignment(t, open(t)) })
	t.Run("two handles", func(t *testing.T) { testTwoHandles(t, open(t)) })
}

func testNames(t *testing.T, fs pack.FS) {
	for _, name := range []string{"b", "c", "a"} {
		closeFile(t, create(t, fs, name, pack.Align))
	}
	wantNames(t, fs, "a", "b", "c")
	_, err := fs.Create("b", pack.Align)
	wantKind(t, "create what exists", err, fault.Conflict)
	_, err = fs.Open("d")
	wantKind(t, "open what does not exist", err, fault.NotFound)
	wantKind(t, "remove what does not exist", fs.Remove("d"), fault.NotFound)
	if err := fs.Remove("b"); err != nil {
		t.Fatal(err)
	}
	wantNames(t, fs, "a", "c")
	_, err = fs.Open("b")
	wantKind(t, "open what was removed", err, fault.NotFound)
	for _, name := range []string{"", ".", "..", "../a", "x/a"} {
		_, err = fs.Create(name, pack.Align)
		wantKind(t, "create "+name, err, fault.Invalid)
		_, err = fs.Open(name)
		wantKind(t, "open "+name, err, fault.Invalid)
		wantKind(t, "remove "+name, fs.Remove(name), fault.Invalid)
	}
}

func testBytes(t *testing.T, fs pack.FS) {
	f := create(t, fs, "f", 4*pack.Align)
	block := filled(2*pack.Align, 7)
	write(t, f, block, pack.Align)
	want := slices.Concat(make([]byte, pack.Align), block, make([]byte, pack.Align))
	wantBytes(t, "before the sync", f, want)
	syncFile(t, f)
	closeFile(t, f)
	f, err := fs.Open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer closeFile(t, f)
	wantBytes(t, "opened again", f, want)
	write(t, f, filled(pack.Align, 9), 0)
	syncFile(t, f)
	copy(want, filled(pack.Align, 9))
	wantBytes(t, "written over", f, want)
	part := make([]byte, 10)
	if n, err := f.ReadAt(part, 2*pack.Align-5); n != 10 || err != nil || !bytes.Equal(part, want[2*pack.Align-5:][:10]) {
		t.Errorf("an unaligned read gives %x, %d, %v", part, n, err)
	}
	if n, err := f.ReadAt(part, int64(len(want))-4); n != 4 || err != io.EOF {
		t.Errorf("a read over the end gives %d, %v", n, err)
	}
}

func testSizes(t *testing.T, fs pack.FS) {
	f := create(t, fs, "f", 2*pack.Align)
	defer closeFile(t, f)
	wantSize(t, f, 2*pack.Align)
	write(t, f, filled(2*pack.Align, 3), 2*pack.Align)
	wantSize(t, f, 4*pack.Align)
	if err := f.Truncate(3 * pack.Align); err != nil {
		t.Fatal(err)
	}
	wantSize(t, f, 3*pack.Align)
	if p, ok := f.(pack.Preallocator); ok {
		for _, size := range []int64{5 * pack.Align, 2 * pack.Align} { // the second has no effect
			if err := p.Preallocate(size); err != nil {
				t.Fatal(err)
			}
			wantSize(t, f, 5*pack.Align)
		}
	} else if err := f.Truncate(5 * pack.Align); err != nil {
		t.Fatal(err)
	}
	syncFile(t, f)
	wantBytes(t, "cut and grown again", f,
		slices.Concat(make([]byte, 2*pack.Align), filled(pack.Align, 3), make([]byte, 2*pack.Align)))
}

func testAlignment(t *testing.T, fs pack.FS) {
	f := create(t, fs, "f", 4*pack.Align)
	defer closeFile(t, f)
	b := pack.Buffer(2 * pack.Align)
	_, err := f.WriteAt(b[:pack.Align], 512)
	wantKind(t, "an unaligned offset", err, fault.Invalid)
	_, err = f.WriteAt(b[:512], 0)
	wantKind(t, "an unaligned length", err, fault.Invalid)
	_, err = f.WriteAt(b[1:pack.Align+1], 0)
	wantKind(t, "unaligned memory", err, fault.Invalid)
	wantBytes(t, "after refused writes", f, make([]byte, 4*pack.Align))
}

func testTwoHandles(t *testing.T, fs pack.FS) {
	w := create(t, fs, "f", 64*pack.Align)
	defer closeFile(t, w)
	r, err := fs.Open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer closeFile(t, r)
	got := make([]byte, pack.Align)
	for i := range 32 {
		// Reading first brings the zeros into a cache that the write must void.
		if _, err := r.ReadAt(got, int64(i)*pack.Align); err != nil {
			t.Fatal(err)
		}
		write(t, w, filled(pack.Align, byte(i+1)), int64(i)*pack.Align)
		if _, err := r.ReadAt(got, int64(i)*pack.Align); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, filled(pack.Align, byte(i+1))) {
			t.Fatalf("block %d reads as %x after it was written", i, got[:8])
		}
	}
}

func create(t *testing.T, fs pack.FS, name string, size int64) pack.File {
	t.Helper()
	f, err := fs.Create(name, size)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f pack.File, p []byte, off int64) {
	t.Helper()
	if n, err := f.WriteAt(p, off); n != len(p) || err != nil {
		t.Fatalf("write of %d at %d: %d, %v", len(p), off, n, err)
	}
}

func syncFile(t *testing.T, f pack.File) {
	t.Helper()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func closeFile(t *testing.T, f pack.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// filled returns an aligned buffer that holds b everywhere.
func filled(n int, b byte) []byte {
	p := pack.Buffer(n)
	for i := range p {
		p[i] = b
	}
	return p
}

func wantNames(t *testing.T, fs pack.FS, want ...string) {
	t.Helper()
	if got, err := fs.List(); err != nil || !slices.Equal(got, want) {
		t.Errorf("the names are %q, %v, want %q", got, err, want)
	}
}

func wantSize(t *testing.T, f pack.File, want int64) {
	t.Helper()
	if got, err := f.Size(); got != want || err != nil {
		t.Errorf("the size is %d, %v, want %d", got, err, want)
	}
}

func wantBytes(t *testing.T, when string, f pack.File, want []byte) {
	t.Helper()
	wantSize(t, f, int64(len(want)))
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: the bytes are not what was written", when)
	}
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: %v, want the kind %v", what, err, want)
	}
}
