package storetest_test

import (
	"testing"

	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// TestCrash sees over many seeds that a crash keeps all that was synced, and
// of the rest sometimes nothing, sometimes all, and sometimes a part that is
// not its beginning.
func TestCrash(t *testing.T) {
	var none, all, holes, short int
	for seed := range uint64(200) {
		fs := storetest.NewCrashFS(seed)
		f := mustCreate(t, fs, "f")
		mustWrite(t, f, 1, 0)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, f, 2, pack.Align)
		if err := f.Truncate(3 * pack.Align); err != nil {
			t.Fatal(err)
		}
		left := contents(t, fs.Crash())
		for _, c := range left[:pack.Align] {
			if c != 1 {
				t.Fatalf("seed %d: synced bytes are gone", seed)
			}
		}
		if len(left) < 3*pack.Align {
			short++
		}
		if len(left) < 2*pack.Align {
			t.Fatalf("seed %d: the synced size is gone: %d", seed, len(left))
		}
		arrived, first := 0, left[pack.Align] == 2
		for _, c := range left[pack.Align : 2*pack.Align] {
			arrived += int(c) / 2
		}
		switch {
		case arrived == 0:
			none++
		case arrived == pack.Align:
			all++
		case !first:
			holes++
		}
		if arrived%512 != 0 {
			t.Fatalf("seed %d: %d bytes of a sector", seed, arrived)
		}
	}
	if none < 10 || all < 10 || holes < 10 || short < 10 {
		t.Errorf("of 200 crashes %d dropped, %d kept, %d tore, %d lost a size", none, all, holes, short)
	}
}

// A sync that failed has lost what did not arrive: another that succeeds does
// not bring it back, though it reads back until the crash.
func TestFailedSyncLoses(t *testing.T) {
	lost := 0
	for seed := range uint64(50) {
		fs := storetest.NewCrashFS(seed)
		f := mustCreate(t, fs, "f")
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, f, 3, 0)
		fs.FailAt(fs.Operations()+1, storetest.Failed)
		if err := f.Sync(); err == nil {
			t.Fatal("the sync did not fail")
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		if contents(t, fs)[0] != 3 {
			t.Fatal("the bytes do not read back")
		}
		if contents(t, fs.Crash())[0] == 0 {
			lost++
		}
	}
	if lost < 10 {
		t.Errorf("of 50 failed syncs %d lost anything", lost)
	}
}

func TestFailModes(t *testing.T) {
	for mode, want := range map[storetest.FailMode]struct{ value, errors int }{
		storetest.Failed: {0, 1}, storetest.Persisted: {3, 1}, storetest.Halted: {0, 2},
	} {
		fs := storetest.NewCrashFS(1)
		f := mustCreate(t, fs, "f")
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		fs.FailAt(fs.Operations()+1, mode)
		_, err := f.WriteAt(block(3), 0)
		errors := 0
		for _, err := range []error{err, f.Sync()} {
			if err != nil {
				errors++
			}
		}
		if got := contents(t, fs.Crash())[0]; int(got) != want.value || errors != want.errors {
			t.Errorf("mode %d: %d is durable after %d errors", mode, got, errors)
		}
	}
}

func block(value byte) []byte {
	b := pack.Buffer(pack.Align)
	for i := range b {
		b[i] = value
	}
	return b
}

func mustCreate(t *testing.T, fs pack.FS, name string) pack.File {
	t.Helper()
	f, err := fs.Create(name, 2*pack.Align)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustWrite(t *testing.T, f pack.File, value byte, off int64) {
	t.Helper()
	if _, err := f.WriteAt(block(value), off); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, fs pack.FS) []byte {
	t.Helper()
	f, err := fs.Open("f")
	if err != nil {
		t.Fatal(err)
	}
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
