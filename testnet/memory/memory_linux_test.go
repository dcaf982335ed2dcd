// Package memory holds the program to its bound on memory, as the kernel
// counts it: the resident size stays under 256 MiB whatever is put or got.
package memory_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tegwick/artifact-store/testnet/fixture"
)

const (
	bound = 256 << 20
	large = 2 << 30
	fresh = 640 << 20
)

// peak returns the largest resident size that a run had, in bytes.
func peak(t *testing.T, out fixture.Outcome) int64 {
	t.Helper()
	usage, ok := out.Cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("the system does not say how much memory was used")
	}
	return usage.Maxrss << 10
}

func wantBound(t *testing.T, what string, out fixture.Outcome) {
	t.Helper()
	got := peak(t, out)
	t.Logf("%s: %d MiB", what, got>>20)
	if got <= 0 || got > bound {
		t.Errorf("%s: %d MiB resident, more than %d", what, got>>20, bound>>20)
	}
}

// sparse makes a file of zeros with some bytes at its start, its middle and
// its end, and returns how much of the disk it takes.
func sparse(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(large); err != nil {
		t.Fatal(err)
	}
	for i, at := range []int64{0, large/2 + 5, large - 1<<20} {
		if _, err := f.WriteAt(fixture.Bytes(uint64(i), 1<<20), at); err != nil {
			t.Fatal(err)
		}
	}
	return allocated(t, path)
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// A large sparse file goes in and comes out again through little memory, and
// takes as little of the disk as it did.
func TestSparse(t *testing.T) {
	if testing.Short() {
		t.Skip("2 GiB are not put in short tests")
	}
	in, out := filepath.Join(t.TempDir(), "large"), t.TempDir()
	took := sparse(t, in)
	p := fixture.Program{Path: fixture.Build(t), Dir: fixture.Store(t)}
	put := p.Must(t, "put", in, "--as", "memory/sparse:v1")
	wantBound(t, "put", put)
	var said struct {
		Bytes    int64 `json:"bytes"`
		NewBytes int64 `json:"new_bytes"`
	}
	if err := json.Unmarshal(put.Stdout, &said); err != nil {
		t.Fatalf("%v: %s", err, put.Stdout)
	}
	if said.Bytes != large || said.NewBytes > 8<<20 {
		t.Errorf("%d bytes put, %d of them new; want %d and few", said.Bytes, said.NewBytes, large)
	}
	wantBound(t, "get", p.Must(t, "get", "memory/sparse:v1", "-o", out))
	if err := fixture.Same(filepath.Dir(in), out); err != nil {
		t.Error(err)
	}
	if got := allocated(t, filepath.Join(out, "large")); got > took+4<<20 {
		t.Errorf("the file takes %d MiB of the disk, and took %d before", got>>20, took>>20)
	}
	wantBound(t, "verify", p.Must(t, "verify", "memory/sparse:v1"))
}

// What is all new goes through the writer and the index, and through as little.
func TestFresh(t *testing.T) {
	if testing.Short() {
		t.Skip("640 MiB are not put in short tests")
	}
	p := fixture.Program{Path: fixture.Build(t), Dir: fixture.Store(t)}
	from := p
	from.Stdin = io.LimitReader(rand.NewChaCha8([32]byte{1}), fresh)
	wantBound(t, "put", from.Must(t, "put", "-", "--as", "memory/fresh:v1"))
	wantBound(t, "fsck", p.Must(t, "fsck"))
	p.Must(t, "rm", "memory/fresh:v1")
	wantBound(t, "gc", p.Must(t, "gc"))
}
