package home_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/storetest"
)

func addSystemRoles(all map[string]func(dir string) error) { all["write"] = writeToTheEdge }

// smallFS mounts an ext4 file system of so many MiB for the test.
func smallFS(t *testing.T, mib int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a small file system takes root, to mount it")
	}
	base := t.TempDir()
	image, dir := filepath.Join(base, "image"), filepath.Join(base, "mount")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(int64(mib)<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-m", "0", image).CombinedOutput(); err != nil {
		t.Skipf("no small file system: mkfs.ext4: %v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// fillUp writes to a file until nothing more fits.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 1; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestAdmitKeepsTheReserve(t *testing.T) {
	dir := smallFS(t, 128)
	clock := time.Unix(1e9, 0)
	h, err := home.Open(dir, home.Options{Create: true, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	f, err := os.Create(filepath.Join(h.PacksDir(), "bytes"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	piece, written := make([]byte, 256<<10), 0
	for {
		if err = h.Admit(int64(len(piece))); err != nil {
			break
		}
		if _, err := f.Write(piece); err != nil {
			t.Fatalf("what was admitted does not fit, after %d bytes: %v", written, err)
		}
		written += len(piece)
	}
	wantFault(t, err, fault.Full, "in reserve")
	free, err := h.Free()
	if err != nil {
		t.Fatal(err)
	}
	if written < 64<<20 || free < 12<<20 || free > 24<<20 {
		t.Errorf("%d bytes written, %d left, of 128 MiB with a reserve of an eighth", written, free)
	}
	// Room that is made shows at once, and room that others take within a second.
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if err := h.Admit(1 << 20); err != nil {
		t.Errorf("after room was made: %v", err)
	}
	fillUp(t, filepath.Join(dir, "others"))
	clock = clock.Add(time.Second)
	wantFault(t, h.Admit(1), fault.Full, "are free")
}

func TestOpenWhenFull(t *testing.T) {
	dir := smallFS(t, 128)
	h, err := home.Open(dir, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	fillUp(t, filepath.Join(dir, "others"))
	// The ballast is what there is room by, once.
	if h, err = home.Open(dir, home.Options{}); err != nil {
		t.Fatal(err)
	}
	if free, err := h.Free(); err != nil || free < 3<<20 {
		t.Fatalf("%d bytes free after the ballast was given up: %v", free, err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	fillUp(t, filepath.Join(dir, "more"))
	_, err = home.Open(dir, home.Options{})
	wantFault(t, err, fault.Full, "safely")
	if err := errors.Join(os.Remove(filepath.Join(dir, "others")), os.Remove(filepath.Join(dir, "more"))); err != nil {
		t.Fatal(err)
	}
	if h, err = home.Open(dir, home.Options{}); err != nil {
		t.Fatal(err)
	}
	if n, err := h.ReleaseBallast(); err != nil || n < 3<<20 {
		t.Errorf("the ballast was not made again: %d, %v", n, err)
	}
	_ = h.Close()
}

// writeToTheEdge opens the store in dir and commits to its index until no more
// is admitted, then says how many batches that were.
func writeToTheEdge(dir string) error {
	h, err := home.Open(dir, home.Options{Create: true})
	if err != nil {
		return err
	}
	defer h.Close()
	db, err := badger.Open(h.IndexDir(), badger.Options{})
	if err != nil {
		return err
	}
	n := 0
	for {
		batch, size := store.Batch{}, int64(0)
		for i := range 64 {
			value := make([]byte, 15<<10)
			_, _ = rand.Read(value) // never fails
			batch.Put = append(batch.Put, store.Pair{Key: fmt.Appendf(nil, "%d/%d/%d", os.Getpid(), n, i), Value: value})
			size += int64(len(value))
		}
		if err := h.Admit(size); fault.Is(err, fault.Full) {
			break
		} else if err != nil {
			return err
		}
		if err := db.Commit(context.Background(), batch); err != nil {
			return err
		}
		n++
	}
	if err := db.Close(); err != nil {
		return err
	}
	fmt.Println("edge", n)
	return nil
}

// TestIndexAtTheEdge has processes fill a small file system through the index,
// one after the other. None may be killed by a signal, and all must be there.
func TestIndexAtTheEdge(t *testing.T) {
	dir := smallFS(t, 128)
	batches := 0
	run := func() string {
		cmd, in, out := child(t, "write", dir)
		_ = in.Close()
		line, _ := out.ReadString('\n')
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the writer, having said %q: %v", line, err)
		}
		return line
	}
	for i := range 5 {
		var n int
		line := run()
		if _, err := fmt.Sscanf(line, "edge %d\n", &n); err != nil {
			t.Fatalf("run %d: %q", i, line)
		}
		batches += n
	}
	if batches < 20 {
		t.Errorf("only %d MiB were admitted of 128", batches)
	}
	t.Logf("%d MiB admitted", batches)
	fillUp(t, filepath.Join(dir, "others"))
	if line := run(); !strings.HasPrefix(line, "error full") {
		t.Fatalf("on a full disk: %q", line)
	}
	if err := os.Remove(filepath.Join(dir, "others")); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(filepath.Join(dir, "index"), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if all, err := storetest.Dump(t.Context(), db); err != nil || len(all) != 64*batches {
		t.Errorf("%d keys of %d: %v", len(all), 64*batches, err)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := mustOpen(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	readOnly(t, dir)
	_, err := home.Open(dir, home.Options{})
	wantFault(t, err, fault.Denied, dir)
	empty := t.TempDir()
	readOnly(t, empty)
	_, err = home.Open(empty, home.Options{Create: true})
	wantFault(t, err, fault.Denied, empty)
}

// readOnly makes dir so for the test, by a mount where permissions do not hold.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
		return
	}
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("no read-only directory: as root it takes a bind mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("no read-only directory: remount: %v", err)
	}
}
