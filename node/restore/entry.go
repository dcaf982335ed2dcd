package restore

import (
	"encoding/hex"
	"io/fs"
	"path/filepath"
	"runtime"
	"unicode/utf8"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// entry is a layer as a thing in a file tree.
type entry struct {
	path  string // as the artifact names it, slash-separated
	local string // as this operating system does; within the target by its form
	kind  kind
	mode  fs.FileMode // permission bits of a file or directory
	link  string      // target of a symlink
	layer dag.Descriptor
}

type kind uint8

// Whatever layer is not a directory or a symlink is a file: nothing else is
// ever made.
const (
	file kind = iota
	directory
	symlink
)

func (k kind) String() string { return [...]string{"a file", "a directory", "a symlink"}[k] }

// newEntry reads what d says of its place in a tree. A layer without a path
// is a file named by its digest.
func newEntry(d dag.Descriptor) (entry, error) {
	path, err := d.Path()
	if err != nil {
		return entry{}, err
	}
	if path == "" {
		path = digestName(d)
	}
	e := entry{path: path, layer: d}
	if e.local, err = localize(path); err != nil {
		return entry{}, err
	}
	mode, err := d.Mode()
	if err != nil {
		return entry{}, err
	}
	e.mode = fs.FileMode(mode) & fs.ModePerm
	switch d.MediaType {
	case dag.TypeDirectory:
		e.kind = directory
	case dag.TypeSymlink:
		e.kind = symlink
		e.link, err = d.LinkTarget()
	}
	return e, err
}

// digestName is the file name of a layer that has none.
func digestName(d dag.Descriptor) string {
	if sum := d.Digest("sha256"); sum != nil {
		return "sha256-" + hex.EncodeToString(sum)
	}
	return "blake3-" + hex.EncodeToString(d.Root.Digest[:])
}

// localize turns a path that [dag.ValidatePath] accepts into one of this
// operating system, or refuses it as [fault.Invalid]: reserved names, drive
// letters and backslashes on Windows, and anywhere a file that bears the name
// of a partial one, which a restore would take for its own.
func localize(path string) (string, error) {
	local := path
	if utf8.ValidString(path) || runtime.GOOS == "windows" {
		var err error
		if local, err = filepath.Localize(path); err != nil {
			return "", fault.New(fault.Invalid, "restore", path, "%s cannot have a file of this name", runtime.GOOS)
		}
	}
	if dag.IsPartialName(filepath.Base(local)) {
		return "", fault.New(fault.Invalid, "restore", path, "the name is kept for files that are not yet whole")
	}
	return local, nil
}

// dir and base split the entry's local path.
func (e entry) dir() string  { return filepath.Dir(e.local) }
func (e entry) base() string { return filepath.Base(e.local) }
