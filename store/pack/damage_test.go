package pack_test

import (
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) || err == nil {
		t.Errorf("%s: %v, want the kind %v", what, err, want)
	}
}

// One flipped bit anywhere in a segment is found, named with its file and a
// range that holds it, and costs no record that does not hold it.
func TestBitFlips(t *testing.T) {
	for _, seal := range []bool{false, true} {
		fs, w, locations, _ := sample(t, 5)
		end := w.State().Length
		if seal {
			sealed, err := w.Seal()
			if err != nil {
				t.Fatal(err)
			}
			end = sealed.Size
		}
		wantClean(t, fs)
		for off := int64(0); off < end; off += 211 {
			mask := byte(1) << (off % 8)
			fs.Flip(pack.Name(1), off, mask)
			wantFound(t, fs, off, locations)
			fs.Flip(pack.Name(1), off, mask)
			if t.Failed() {
				t.Fatalf("sealed %v, bit of %#x at %d", seal, mask, off)
			}
		}
	}
}

func wantFound(t *testing.T, fs *storetest.CrashFS, off int64, locations []pack.Location) {
	t.Helper()
	got := check(t, fs)
	if len(got.Damage) == 0 {
		t.Error("it is not found")
	}
	named := false
	for _, d := range got.Damage {
		named = named || d.File == pack.Name(1) && d.Offset <= off && off < d.Offset+d.Length
		if err := d.Err(); !fault.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), pack.Name(1)) {
			t.Errorf("the error does not name the file: %v", err)
		}
	}
	if !named {
		t.Errorf("the damage is elsewhere: %+v", got.Damage)
	}
	if lost := len(locations) - len(got.locations); got.failed > 1 || lost > pack.MaxFrameRecords || got.failed == 1 && lost != 1 {
		t.Errorf("%d records are lost, %d failed", lost, got.failed)
	}
}

// A segment that ends too early is found at its end, wherever that is.
func TestShortFiles(t *testing.T) {
	for _, seal := range []bool{false, true} {
		_, w, _, _ := sample(t, 6)
		full := w.State().Length
		for cut := full - 1; cut > 0; cut -= 1499 {
			fs, w, locations, _ := sample(t, 6)
			if seal {
				if _, err := w.Seal(); err != nil {
					t.Fatal(err)
				}
			}
			f, err := fs.Open(pack.Name(1))
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(cut); err != nil {
				t.Fatal(err)
			}
			got := check(t, fs)
			onlyHeader := cut <= 2*pack.Align // nothing says that there were frames
			if len(got.Damage) == 0 && !got.Unborn && !onlyHeader && cut%pack.Align != 0 {
				t.Errorf("cut at %d: nothing is found", cut)
			}
			r, err := pack.OpenReader(fs, 1, storeID)
			if err != nil {
				wantKind(t, "open", err, fault.Corrupt)
				continue
			}
			for _, loc := range locations {
				_, err := r.ReadAt(loc, nil)
				if beyond := int64(loc.Offset)+int64(loc.Stored) > cut && loc.Stored > 0; beyond != (err != nil) {
					t.Errorf("cut at %d: reading %+v gives %v", cut, loc, err)
				}
				if err != nil {
					wantKind(t, "read", err, fault.Corrupt)
				}
			}
		}
	}
}

func TestForeignSegments(t *testing.T) {
	fs, w, locations, _ := sample(t, 7)
	other := storeID
	other[0]++
	_, err := pack.OpenReader(fs, 1, other)
	wantKind(t, "open for another store", err, fault.Corrupt)
	_, err = pack.Scan(fs, 1, other, pack.State{}, nil)
	wantKind(t, "scan for another store", err, fault.Corrupt)
	_, err = pack.Resume(fs, 1, other, w.State(), 1<<20)
	wantKind(t, "resume for another store", err, fault.Corrupt)
	_, err = pack.VerifySealed(fs, 1, storeID)
	wantKind(t, "verify what is not sealed", err, fault.Corrupt)
	for _, open := range []func(uint64) error{
		func(id uint64) error { _, err := pack.OpenReader(fs, id, storeID); return err },
		func(id uint64) error { _, err := pack.Scan(fs, id, storeID, pack.State{}, nil); return err },
		func(id uint64) error { _, err := pack.Check(fs, id, storeID, nil); return err },
		func(id uint64) error { return pack.Contents(fs, id, storeID, nil) },
		func(id uint64) error { _, err := pack.VerifySealed(fs, id, storeID); return err },
		func(id uint64) error { _, err := pack.Resume(fs, id, storeID, w.State(), 1); return err },
	} {
		wantKind(t, "an absent segment", open(8), fault.NotFound)
	}
	r, err := pack.OpenReader(fs, 1, storeID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, bad := range []pack.Location{
		{Segment: 2, Offset: locations[0].Offset, Stored: 1}, {Segment: 1, Offset: 10, Stored: 1},
		{Segment: 1, Offset: locations[0].Offset, Stored: 1<<32 - 1}, {Segment: 1, Offset: 1<<32 - 1, Stored: 1},
	} {
		_, err := r.ReadAt(bad, nil)
		wantKind(t, "an impossible place", err, fault.Corrupt)
	}
}

func TestFullAndTooLarge(t *testing.T) {
	fs, b := storetest.NewCrashFS(8), pack.NewBatch(0)
	for _, size := range []int64{0, pack.Align - 1, pack.MaxSegment + 1} {
		_, err := pack.Create(fs, 1, storeID, size)
		wantKind(t, "create of an impossible size", err, fault.Invalid)
	}
	w := newSegment(t, fs, pack.Align)
	_, err := pack.Create(fs, 1, storeID, pack.Align)
	wantKind(t, "create what exists", err, fault.Conflict)
	if w.Room() != 0 {
		t.Errorf("a segment of a header has room for %d", w.Room())
	}
	if _, err := w.Append(b, stamp(0)); err != nil || w.State() != (pack.State{Length: pack.Align}) {
		t.Errorf("an empty batch: %v, %+v", err, w.State())
	}
	if _, ok := b.Add(record([]byte("beyond the size that was asked for"), pack.Chunk, pack.S2)); !ok {
		t.Fatal("no room in a batch")
	}
	wantRecords(t, fs, appendBatch(t, w, b, 0), [][]byte{[]byte("beyond the size that was asked for")})
	at := pack.State{Length: pack.MaxSegment}
	_, err = pack.Resume(fs, 1, storeID, at, pack.Align)
	wantKind(t, "resume behind the end", err, fault.Corrupt)
	wantClean(t, fs)
}
