package pack_test

import (
	"encoding/binary"
	"hash/crc32"
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

// Whatever a segment file holds: it is read without a panic, what is said to
// be good lies within the file, and a segment can go on at where a scan ends.
func FuzzScan(f *testing.F) {
	fs, w, _, _ := sample(f, 9)
	f.Add(image(f, fs)[:w.State().Length], uint32(0), uint64(0), false)
	f.Add(image(f, fs)[:3*pack.Align], uint32(pack.Align+12), uint64(1), true)
	if _, err := w.Seal(); err != nil {
		f.Fatal(err)
	}
	f.Add(image(f, fs), uint32(2*pack.Align), uint64(5), true)
	f.Fuzz(func(t *testing.T, b []byte, at uint32, xor uint64, signed bool) {
		if len(b) >= 8 {
			p := b[int64(at)%int64(len(b)-7):]
			binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^xor)
		}
		if signed {
			sign(b)
		}
		fs := withImage(t, b)
		within := func(f *pack.Frame) error {
			for i, r := range f.Records {
				if end := int64(r.Offset) + int64(r.Stored); len(f.Payload(i)) != int(r.Stored) && f.Payload(i) != nil || r.Err == nil && f.Payload(i) != nil && end > int64(len(b)) && r.Stored > pack.Align {
					t.Errorf("%+v is not within the file", r)
				}
			}
			return nil
		}
		res, err := pack.Scan(fs, 1, storeID, pack.State{}, within)
		wantBadInput(t, err)
		checked, err := pack.Check(fs, 1, storeID, within)
		wantBadInput(t, err)
		if checked.Frames < res.Frames {
			t.Errorf("a check ends at %+v, a scan at %+v", checked.State, res.State)
		}
		wantBadInput(t, pack.Contents(fs, 1, storeID, within))
		_, err = pack.VerifySealed(fs, 1, storeID)
		wantBadInput(t, err)
		if res.Length == 0 || res.Sealed != nil {
			return
		}
		if w, err := pack.Resume(fs, 1, storeID, res.State, 1<<16); err == nil {
			if again := scan(t, fs, pack.State{}); again.State != res.State || len(again.Damage) > 0 {
				t.Errorf("resumed at %+v, found %+v", res.State, again.Result)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func wantBadInput(t *testing.T, err error) {
	t.Helper()
	if err != nil && !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Invalid) {
		t.Errorf("an error of kind %v: %v", fault.KindOf(err), err)
	}
}
