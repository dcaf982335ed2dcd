package pack_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// image returns the bytes of a segment file.
func image(t tb, fs pack.FS) []byte {
	t.Helper()
	f, err := fs.Open(pack.Name(1))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// withImage returns a file system whose segment 1 holds b.
func withImage(t tb, b []byte) pack.FS {
	t.Helper()
	fs := storetest.NewCrashFS(0)
	f, err := fs.Create(pack.Name(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole := pack.Buffer((len(b) + pack.Align - 1) / pack.Align * pack.Align)
	copy(whole, b)
	if _, err := f.WriteAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return fs
}

// sign gives each block the checksum that its bytes ask for, so that a fuzzer
// reaches what stands behind the checksums.
func sign(b []byte) {
	for ; len(b) >= pack.Align; b = b[pack.Align:] {
		if string(b[:3]) == "Art" {
			binary.LittleEndian.PutUint32(b[pack.Align-4:], crc32.Checksum(b[:pack.Align-4], crc32.MakeTable(crc32.Castagnoli)))
		}
	}
}

// edit changes b as a fuzzer says: five bytes for each change, a place and
// what is added to the two bytes there.
func edit(b, edits []byte) {
	for ; len(edits) >= 5 && len(b) >= 2; edits = edits[5:] {
		at := (int(edits[0]) | int(edits[1])<<8 | int(edits[2])<<16) % (len(b) - 1)
		b[at] += edits[3]
		b[at+1] += edits[4]
	}
}

// small returns the images of a short segment, unsealed and sealed.
func small(t tb) [2][]byte {
	t.Helper()
	fs, b := storetest.NewCrashFS(1), pack.NewBatch(0)
	w := newSegment(t, fs, pack.Align)
	for n := range 2 {
		b.Reset()
		add(t, b, rand.New(rand.NewPCG(1, 1)), 10, 0, 300)
		appendBatch(t, w, b, n)
	}
	open := image(t, fs)
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	return [2][]byte{open, image(t, fs)}
}

// Whatever a segment file holds: it is read without a panic, what is said to
// be good lies within the file, and a segment goes on where a scan ends. The
// input is a list of changes to a segment; signed gives the blocks good
// checksums again.
func FuzzScan(f *testing.F) {
	images := small(f)
	f.Add(false, false, uint16(0), []byte(nil))
	f.Add(true, true, uint16(0), []byte{0x0a, 0x10, 0, 1, 0, 0x40, 0x10, 0, 1, 1})
	f.Add(true, true, uint16(100), []byte{0x28, 0x60, 0, 1, 1})
	f.Fuzz(func(t *testing.T, sealed, signed bool, cut uint16, edits []byte) {
		b := bytes.Clone(images[0])
		if sealed {
			b = bytes.Clone(images[1])
		}
		edit(b, edits)
		if signed {
			sign(b)
		}
		b = b[:len(b)-int(cut)%len(b)]
		fs := withImage(t, b)
		scanAll(t, fs, int64(len(b)))
	})
}

// scanAll reads segment 1, a file of size bytes, in every way.
func scanAll(t *testing.T, fs pack.FS, size int64) {
	t.Helper()
	within := func(f *pack.Frame) error {
		for i, r := range f.Records {
			if p := f.Payload(i); p != nil && (len(p) != int(r.Stored) || r.Err == nil && int64(r.Offset) > size+pack.MaxFramePayload) {
				t.Errorf("%+v has %d bytes in a file of %d", r, len(p), size)
			}
		}
		return nil
	}
	res, err := pack.Scan(fs, 1, storeID, pack.State{}, within)
	wantBadInput(t, err)
	checked, err := pack.Check(fs, 1, storeID, within)
	wantBadInput(t, err)
	if checked.Frames < res.Frames || len(checked.Damage) < len(res.Damage) {
		t.Errorf("a check ends at %+v, a scan at %+v", checked, res)
	}
	wantBadInput(t, pack.Contents(fs, 1, storeID, within))
	_, err = pack.VerifySealed(fs, 1, storeID)
	wantBadInput(t, err)
	if res.Length == 0 || res.Length > size {
		return
	}
	w, err := pack.Resume(fs, 1, storeID, res.State, 1<<16)
	wantBadInput(t, err)
	if err != nil {
		return
	}
	again, err := pack.Scan(fs, 1, storeID, pack.State{}, within)
	if err != nil || again.State != res.State || len(again.Damage) > 0 {
		t.Errorf("resumed at %+v, found %+v, %v", res.State, again, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func wantBadInput(t *testing.T, err error) {
	t.Helper()
	if err != nil && !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Invalid) {
		t.Errorf("an error of kind %v: %v", fault.KindOf(err), err)
	}
}
