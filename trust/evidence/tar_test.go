package evidence

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/fault"
)

// entry is a member with its content.
type entry struct {
	name string
	data []byte
}

func writeTar(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tarWriter{w: &out}
	for _, e := range entries {
		if err := w.add(e.name, int64(len(e.data)), bytesOf(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

func readTar(r io.Reader) ([]entry, error) {
	var entries []entry
	t := tarReader{r: r}
	for {
		name, size, err := t.next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		data, err := io.ReadAll(&t)
		if err != nil {
			return entries, err
		}
		if int64(len(data)) != size {
			return entries, fault.New(fault.Other, "test", name, "%d bytes of %d", len(data), size)
		}
		entries = append(entries, entry{name, data})
	}
}

func sample() []entry {
	return []entry{
		{"a", nil},
		{"b/" + strings.Repeat("x", 98), []byte("one")},
		{"c", bytes.Repeat([]byte{7}, blockSize)},
		{"d", bytes.Repeat([]byte{9}, blockSize+1)},
	}
}

// What is written is read again, and by the standard library too.
func TestTar(t *testing.T) {
	want := sample()
	file := writeTar(t, want...)
	got, err := readTar(iotest.OneByteReader(bytes.NewReader(file)))
	if err != nil {
		t.Fatal(err)
	}
	std := tar.NewReader(bytes.NewReader(file))
	for i, e := range want {
		if got[i].name != e.name || !bytes.Equal(got[i].data, e.data) {
			t.Errorf("member %d is %q of %d bytes", i, got[i].name, len(got[i].data))
		}
		h, err := std.Next()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(std)
		if err != nil || h.Name != e.name || !bytes.Equal(data, e.data) || h.Mode != 0o644 || h.Format != tar.FormatUSTAR {
			t.Errorf("the standard library reads %+v, %v", h, err)
		}
	}
	if _, err := std.Next(); err != io.EOF {
		t.Error("the standard library finds more:", err)
	}
}

// Every byte that is not content has one value, whatever it is flipped to.
func TestTarFlips(t *testing.T) {
	want := sample()
	file := writeTar(t, want...)
	for i := range file {
		for _, flip := range []byte{1, 0x20, 0x80, 0xff} {
			file[i] ^= flip
			got, err := readTar(bytes.NewReader(file))
			same := len(got) == len(want)
			for j := range got {
				same = same && got[j].name == want[j].name && bytes.Equal(got[j].data, want[j].data)
			}
			if err == nil && same {
				t.Errorf("byte %d flipped by %#x is not noticed", i, flip)
			}
			if err != nil && !fault.Is(err, fault.Corrupt) {
				t.Errorf("byte %d: %v is not corrupt", i, err)
			}
			file[i] ^= flip
		}
	}
}

// A file cut anywhere is refused, and so is one with anything behind its end.
func TestTarLength(t *testing.T) {
	file := writeTar(t, sample()...)
	for n := range file {
		if _, err := readTar(bytes.NewReader(file[:n])); !fault.Is(err, fault.Corrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for _, tail := range [][]byte{{0}, {1}, make([]byte, blockSize), file} {
		if _, err := readTar(bytes.NewReader(slices.Concat(file, tail))); !fault.Is(err, fault.Corrupt) {
			t.Errorf("with %d bytes behind it: %v", len(tail), err)
		}
	}
}

func TestTarOrder(t *testing.T) {
	one, two := writeTar(t, entry{"a", []byte("1")}), writeTar(t, entry{"b", []byte("2")})
	end := 2 * blockSize
	body := func(file []byte) []byte { return file[:len(file)-end] }
	for _, tt := range []struct {
		what  string
		parts [][]byte
		ok    bool
	}{
		{"in order", [][]byte{body(one), two}, true},
		{"out of order", [][]byte{body(two), one}, false},
		{"twice", [][]byte{body(one), one}, false},
	} {
		_, err := readTar(bytes.NewReader(slices.Concat(tt.parts...)))
		if (err == nil) != tt.ok || err != nil && !fault.Is(err, fault.Corrupt) {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

// A reader that fails is not a damaged file.
func TestTarUnreadable(t *testing.T) {
	file := writeTar(t, sample()...)
	broken := errors.New("the disk is gone")
	for _, n := range []int{0, 100, 2*blockSize + 1, len(file)} {
		_, err := readTar(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || fault.Is(err, fault.Corrupt) {
			t.Errorf("failing at byte %d: %v", n, err)
		}
	}
}

// Sizes above what octal holds are written in the one form that is read.
func TestTarLargeSize(t *testing.T) {
	for _, size := range []int64{maxOctal - 1, maxOctal, 1 << 40, 1<<63 - 1} {
		h := header("blobs/large", size)
		r := tarReader{r: bytes.NewReader(h[:])}
		if _, got, err := r.next(); err != nil || got != size {
			t.Errorf("%d is read as %d: %v", size, got, err)
		}
		if std, err := tar.NewReader(bytes.NewReader(h[:])).Next(); err != nil || std.Size != size {
			t.Errorf("%d is read by the standard library as %+v: %v", size, std, err)
		}
	}
}

func TestTarWriterRefuses(t *testing.T) {
	for _, tt := range []struct {
		what, name string
		size       int64
	}{
		{"a name twice", "m", 1}, {"a name before", "l", 1}, {"no name", "", 1}, {"a long name", "x" + strings.Repeat("x", 100), 1},
		{"a name with a space", "n n", 1}, {"a negative size", "n", -1}, {"too few bytes", "n", 2}, {"too many bytes", "n", 0},
	} {
		w := tarWriter{w: io.Discard}
		if err := w.add("m", 0, bytesOf(nil)); err != nil {
			t.Fatal(err)
		}
		if err := w.add(tt.name, tt.size, bytesOf([]byte{1})); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

// Any members come back as they were, and equal members make equal bytes.
func TestTarProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringMatching(`[!-~]{1,100}`), rapid.ID[string]).Draw(rt, "names")
		slices.Sort(names)
		var want []entry
		for _, n := range names {
			want = append(want, entry{n, rapid.SliceOfN(rapid.Byte(), 0, 1100).Draw(rt, "data")})
		}
		file := writeTar(t, want...)
		got, err := readTar(bytes.NewReader(file))
		if err != nil || len(got) != len(want) {
			rt.Fatal(len(got), err)
		}
		if !bytes.Equal(writeTar(t, got...), file) {
			rt.Fatal("written again it differs")
		}
	})
}

// Whatever is read is exactly what would be written.
func FuzzTar(f *testing.F) {
	f.Add(writeTar(f, entry{"a", []byte("1")}, entry{"b", nil}))
	f.Add(writeTar(f))
	large := header("large", maxOctal)
	f.Add(large[:])
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, err := readTar(bytes.NewReader(file))
		if err != nil {
			if !fault.Is(err, fault.Corrupt) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(writeTar(t, entries...), file) {
			t.Fatal("written again it differs")
		}
	})
}
