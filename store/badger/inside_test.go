package badger

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4/y"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// TestRotationIsNoticed guards what [walWatch] assumes of Badger's file names.
func TestRotationIsNoticed(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	before := d.wal.number
	for i := range 4 * memTableSize / store.MaxBatchBytes {
		var b store.Batch
		for j := range 31 {
			b.Put = append(b.Put, store.Pair{Key: fmt.Appendf(nil, "%d/%d", i, j), Value: make([]byte, store.MaxMetaValue)})
		}
		if err := d.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	logs, err := fs.Glob(os.DirFS(dir), "*.mem")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%05d.mem", d.wal.number); slices.Max(logs) != want || d.wal.number-before < 3 {
		t.Errorf("the newest of %v is taken to be %s, after %s", logs, want, d.wal.path(before))
	}
}

// TestGroupFitsTransaction holds the limits of a group against Badger's own.
func TestGroupFitsTransaction(t *testing.T) {
	d, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if groupOps+1 >= d.db.MaxBatchCount() || groupBytes+12*(groupOps+1)+64 >= d.db.MaxBatchSize() {
		t.Errorf("a group of %d operations and %d bytes, of at most %d and %d", groupOps, groupBytes, d.db.MaxBatchCount(), d.db.MaxBatchSize())
	}
}

// TestSnapshotsKeepWhatIsRead proves that versions nobody reads are let go, and one
// that is read is not.
func TestSnapshotsKeepWhatIsRead(t *testing.T) {
	var s snapshots
	s.init(7)
	reader, err := s.acquire()
	if err != nil || reader != 7 {
		t.Fatal(reader, err)
	}
	if oldest := s.advance(8); oldest != 7 {
		t.Errorf("oldest is %d while 7 is read", oldest)
	}
	s.release(reader)
	if oldest := s.advance(9); oldest != 9 {
		t.Errorf("oldest is %d while none is read", oldest)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{y.Wrapf(syscall.ENOSPC, "while creating table"), fault.Full},
		{y.Wrap(&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, ""), fault.Denied},
		{y.Wrap(syscall.EMFILE, ""), fault.Unavailable},
		{y.Wrap(y.ErrChecksumMismatch, ""), fault.Corrupt},
		{fault.New(fault.Conflict, "x", "", "y"), fault.Conflict},
	} {
		if got := kindOf(c.err, fault.Corrupt); got != c.want {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
	}
}
