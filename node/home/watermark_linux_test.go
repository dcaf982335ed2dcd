package home_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

// A full disk takes no new file, and the marks of one that is there.
func TestWatermarkOnAFullDisk(t *testing.T) {
	state, h, late := smallFS(t, 16), mustOpen(t, t.TempDir()), mustOpen(t, t.TempDir())
	w := h.Watermark(state)
	saved(t, w, mark(1))
	fillUp(t, filepath.Join(state, "filler"))
	for n := uint64(2); n < 6; n++ {
		wantMark(t, w, mark(n-1))
		saved(t, w, mark(n))
	}
	w = late.Watermark(state)
	err := w.Save(mark(1))
	wantFault(t, err, fault.Full, markPath(late, state))
	if err := os.Remove(filepath.Join(state, "filler")); err != nil {
		t.Fatal(err)
	}
	saved(t, w, mark(2))
	wantMark(t, w, mark(2))
	_ = w.Close()
}

// What cannot be written to protects still, by the mark that is in it.
func TestWatermarkOnAReadOnlyDisk(t *testing.T) {
	base, h, none := smallFS(t, 16), mustOpen(t, t.TempDir()), mustOpen(t, t.TempDir())
	state := filepath.Join(base, "artifact-store")
	saved(t, h.Watermark(state), mark(5))
	if out, err := exec.Command("mount", "-o", "remount,ro", base).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("ARTIFACT_STATE_DIR", "")
	t.Setenv("XDG_STATE_HOME", base)
	w := h.Watermark("")
	t.Cleanup(func() { _ = w.Close() }) // before the disk goes
	wantMark(t, w, mark(5))
	wantFault(t, w.Save(mark(6)), fault.Denied, markPath(h, state))
	wantMark(t, w, mark(5))
	wantNoMark(t, none.Watermark(""))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for _, store := range []*home.Home{h, none} {
		w := store.Watermark(state)
		_, _, err := w.Load()
		_ = w.Close()
		wantFault(t, err, fault.Denied, markPath(store, state))
	}
}
