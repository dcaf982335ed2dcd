package pack_test

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// mounted returns a directory on a file system of its own, of size bytes.
func mounted(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a small file system, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	fs, err := pack.OS(mounted(t, "size=1m"), pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = pack.Create(fs, 1, storeID, 2<<20)
	wantKind(t, "a segment larger than the disk", err, fault.Full)
	if names, err := fs.List(); len(names) != 0 || err != nil {
		t.Errorf("it left %q, %v", names, err)
	}
	w, b := newSegment(t, fs, 512<<10), pack.NewBatch(0)
	rng := rand.New(rand.NewPCG(1, 1))
	plains := add(t, b, rng, 100000)
	locations := appendBatch(t, w, b, 0)
	b.Reset()
	if _, ok := b.Add(pack.Record{Payload: make([]byte, 2<<20)}); !ok {
		t.Fatal("no room in a batch")
	}
	_, err = w.Append(b, stamp(1))
	wantKind(t, "an append beyond the disk", err, fault.Full)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	wantRecords(t, fs, locations, plains)
	wantClean(t, fs)
}

func TestReadOnlyDisk(t *testing.T) {
	dir := mounted(t, "size=1m")
	fs, err := pack.OS(dir, pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w, b := newSegment(t, fs, 512<<10), pack.NewBatch(0)
	plains := add(t, b, rand.New(rand.NewPCG(1, 1)), 5000)
	locations, at := appendBatch(t, w, b, 0), w.State()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if fs, err = pack.OS(dir, pack.OSOptions{}); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, fs, locations, plains)
	wantClean(t, fs)
	_, err = pack.Create(fs, 2, storeID, 4096)
	wantKind(t, "create", err, fault.Denied)
	_, err = pack.Resume(fs, 1, storeID, at, 4096)
	wantKind(t, "resume", err, fault.Denied)
	wantKind(t, "remove", fs.Remove(pack.Name(1)), fault.Denied)
}
