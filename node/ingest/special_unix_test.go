//go:build unix

package ingest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/ingest"
)

func TestSpecialFilesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "d", "fifo")
	write(t, filepath.Join(dir, "f"), []byte("f"))
	check(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	check(t, syscall.Mkfifo(fifo, 0o644))
	res, a := mustIngest(t, ingest.Request{Paths: []string{dir}})
	if want := []ingest.Skip{{Path: fifo, Reason: "a FIFO"}}; !slices.Equal(res.Skipped, want) {
		t.Errorf("skipped %v, want %v", res.Skipped, want)
	}
	if want := []string{"d", "f"}; !slices.Equal(a.paths, want) { // d is empty but for it
		t.Errorf("kept %q, want %q", a.paths, want)
	}
	_, err := ingest.Ingest(t.Context(), newSink(), ingest.Request{Paths: []string{fifo}, Profile: profile(t)})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.HintOf(err), "-") {
		t.Errorf("a FIFO as argument: %v", err)
	}
}
