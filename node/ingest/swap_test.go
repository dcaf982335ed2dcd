package ingest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What a walk saw may be something else when it is opened. These tests stand
// between the two, where no caller can.

func tree(t *testing.T) (dir string, root *os.Root) {
	dir = t.TempDir()
	for _, name := range []string{"sub/f", "other/f"} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root
}

func TestSwappedDirectoryIsNotEntered(t *testing.T) {
	for name, swap := range map[string]func(sub, other string) error{
		"gone":      func(sub, _ string) error { return os.RemoveAll(sub) },
		"a file":    func(sub, _ string) error { return errors.Join(os.RemoveAll(sub), os.WriteFile(sub, nil, 0o644)) },
		"a link":    func(sub, other string) error { return errors.Join(os.RemoveAll(sub), os.Symlink("other", sub)) },
		"a way out": func(sub, other string) error { return errors.Join(os.RemoveAll(sub), os.Symlink("/", sub)) },
		"another":   func(sub, other string) error { return errors.Join(os.Rename(sub, sub+"-"), os.Rename(other, sub)) },
	} {
		dir, root := tree(t)
		seen, err := root.Lstat("sub")
		if err != nil {
			t.Fatal(err)
		}
		if err := swap(filepath.Join(dir, "sub"), filepath.Join(dir, "other")); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := list(root, branch{rel: "sub", title: "sub", seen: seen}); !errors.Is(err, errChanged) {
			t.Errorf("%s in its place: %v", name, err)
		}
	}
}

func TestFileThatChangesDuringEachAttempt(t *testing.T) {
	dir, root := tree(t)
	sub, err := root.OpenRoot("sub")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	at := place{path: "sub/f", dir: &directory{root: sub}, name: "f"}
	for want := 1; want <= attempts+1; want++ {
		tries := 0
		var buf []byte
		err := at.unchanged(t.Context(), func(f *os.File, info fs.FileInfo) (int64, error) {
			n, err := readSmall(f, info.Size(), &buf)
			if tries++; tries < want {
				err = errors.Join(err, os.WriteFile(filepath.Join(dir, "sub", "f"), make([]byte, n+1), 0o644))
			}
			return int64(n), err
		})
		if settled := want <= attempts; settled != (err == nil) || tries != min(want, attempts) {
			t.Errorf("settled at attempt %d: %d tries, %v", want, tries, err)
		}
	}
}
