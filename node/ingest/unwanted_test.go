package ingest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/ingest"
)

func TestPartialFilesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	left := write(t, filepath.Join(dir, "d", ".artifact-partial-0123456789abcdef"), []byte("half"))
	write(t, filepath.Join(dir, "d", ".artifact-partial"), []byte("whole"))
	res, a := mustIngest(t, ingest.Request{Paths: []string{dir}})
	if len(res.Skipped) != 1 || res.Skipped[0].Path != left || res.Skipped[0].Reason == "" {
		t.Errorf("skipped %v, want %s", res.Skipped, left)
	}
	if want := []string{"d/.artifact-partial"}; !slices.Equal(a.paths, want) {
		t.Errorf("kept %q, want %q", a.paths, want)
	}
	for _, req := range []ingest.Request{
		{Paths: []string{left}},
		{Paths: []string{"-"}, Stdin: strings.NewReader(""), StdinName: "d/" + filepath.Base(left)},
	} {
		req.Profile = profile(t)
		if _, err := ingest.Ingest(t.Context(), newSink(), req); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: got %v", req.Paths, err)
		}
	}
}

func TestExcludedDirectories(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "d", "store")
	write(t, filepath.Join(store, "packs", "x"), []byte("x"))
	write(t, filepath.Join(dir, "f"), []byte("f"))
	info, err := os.Stat(store)
	check(t, err)
	exclude := []fs.FileInfo{info}
	res, a := mustIngest(t, ingest.Request{Paths: []string{dir}, Exclude: exclude})
	if len(res.Skipped) != 1 || res.Skipped[0].Path != store {
		t.Errorf("skipped %v, want %s", res.Skipped, store)
	}
	if want := []string{"d", "f"}; !slices.Equal(a.paths, want) { // d is empty but for it
		t.Errorf("kept %q, want %q", a.paths, want)
	}
	for _, paths := range [][]string{{store}, {store + "/."}, {filepath.Join(dir, "f"), store}} {
		_, err := ingest.Ingest(t.Context(), newSink(), ingest.Request{Paths: paths, Exclude: exclude, Profile: profile(t)})
		if !fault.Is(err, fault.Invalid) || fault.HintOf(err) == "" {
			t.Errorf("%q: got %v", paths, err)
		}
	}
}
