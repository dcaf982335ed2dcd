package badger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
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

// TestWaitingCommitsGoTogether holds the turn until several commits wait: one is
// withdrawn, one does not meet its requirements, the others share one version.
func TestWaitingCommitsGoTogether(t *testing.T) {
	d, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	waiting := func(n int) {
		for {
			d.queue.mu.Lock()
			got := len(d.queue.waiting)
			d.queue.mu.Unlock()
			if got == n {
				return
			}
			runtime.Gosched()
		}
	}
	start := func(ctx context.Context, key string, need ...store.Require) <-chan error {
		ended := make(chan error, 1)
		go func() {
			ended <- d.Commit(ctx, store.Batch{Require: need, Put: []store.Pair{{Key: []byte(key)}}})
		}()
		return ended
	}
	before := d.snapshots.newest
	d.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	first := start(t.Context(), "a")
	waiting(1)
	second := start(t.Context(), "b", store.Require{Key: []byte("a"), Value: []byte{}})
	waiting(2)
	third := start(t.Context(), "c", store.Require{Key: []byte("a")})
	waiting(3)
	fourth := start(ctx, "d")
	waiting(4)
	cancel()
	if err := <-fourth; !errors.Is(err, context.Canceled) {
		t.Errorf("withdrawn: %v", err)
	}
	<-d.turn
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
	if err := <-third; !fault.Is(err, fault.Conflict) {
		t.Errorf("what an earlier one of the group made untrue: %v", err)
	}
	got, err := d.GetMany(t.Context(), [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d")})
	if err != nil || got[0] == nil || got[1] == nil || got[2] != nil || got[3] != nil {
		t.Errorf("%q, %v", got, err)
	}
	if d.snapshots.newest != before+1 {
		t.Errorf("%d transactions", d.snapshots.newest-before)
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
