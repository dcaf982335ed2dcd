package ingest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Permissions of what has none of its own: streams, and all on Windows.
const (
	fileMode      = 0o644
	directoryMode = 0o755
)

// Why what has content is not kept.
const (
	partial  = "the name is kept for files that are not yet whole"
	theStore = "it is the store's own"
)

// file is a regular file, or the stream, that waits to be read.
type file struct {
	place  place
	title  string // its path in the artifact
	stream bool
}

// directory is held open until the last of its files was read.
type directory struct {
	root *os.Root
	refs atomic.Int32
}

func (d *directory) release() {
	if d != nil && d.refs.Add(-1) == 0 {
		d.root.Close()
	}
}

// walk finds all that the request's paths name. It sends the files to small
// and large, closes both in the end, and records all else itself.
type walk struct {
	*ingest
	small, large chan<- file
}

func (w *walk) run(ctx context.Context) error {
	defer close(w.small)
	defer close(w.large)
	titles := make(map[string]string, len(w.req.Paths))
	for _, path := range w.req.Paths {
		title, err := w.title(path)
		if err != nil {
			return err
		}
		if other, ok := titles[title]; ok {
			return fault.Hint(fault.New(fault.Invalid, op, path, "it has the same name as %s", other),
				"put them under one directory, and give that")
		}
		titles[title] = path
		if err := w.argument(ctx, path, title); err != nil {
			return err
		}
	}
	return nil
}

// title returns where the content of an argument goes: its base name.
func (w *walk) title(path string) (string, error) {
	if path == stdinPath {
		return w.req.StdinName, nil
	}
	base := filepath.Base(path)
	if base == "." || base == ".." {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", describe(path, err)
		}
		base = filepath.Base(abs)
	}
	return base, nil
}

func (w *walk) argument(ctx context.Context, path, title string) error {
	if path == stdinPath {
		return w.send(ctx, w.large, file{place: place{path: path}, title: title, stream: true})
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return describe(path, err)
	case w.excluded(info):
		return fault.Hint(fault.New(fault.Invalid, op, path, "%s", theStore),
			"name what is to be kept; a copy of the store is made while no process has it")
	case info.IsDir() && len(w.req.Paths) == 1:
		return w.tree(ctx, path, "")
	case dag.ValidatePath(filepath.ToSlash(title)) != nil:
		return fault.New(fault.Invalid, op, path, "it has no name to be kept under")
	case dag.IsPartialName(title):
		return fault.Hint(fault.New(fault.Invalid, op, path, "%s", partial), "finish the get that left it, or rename it")
	case info.IsDir():
		return w.tree(ctx, path, title)
	case info.Mode().IsRegular():
		return w.found(ctx, file{place: place{path: path}, title: title}, info)
	}
	return fault.Hint(fault.New(fault.Invalid, op, path, "it is %s", kindOf(info.Mode())),
		"to keep what can be read from it, give - and make it the standard input")
}

// branch is a directory that is yet to be entered.
type branch struct {
	rel   string // below the root of the walk
	title string // "" for the artifact's own root
	seen  fs.FileInfo
}

// tree walks the directory at path, whose content goes under title. All of it
// is reached from one handle, without following a link.
func (w *walk) tree(ctx context.Context, path, title string) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return describe(path, err)
	}
	defer root.Close()
	stack := []branch{{rel: ".", title: title}}
	for len(stack) > 0 {
		b := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		subs, err := w.directory(ctx, root, b)
		if err != nil {
			return err
		}
		slices.Reverse(subs)
		stack = append(stack, subs...)
	}
	return nil
}

// directory finds what is in one directory, and returns those in it.
func (w *walk) directory(ctx context.Context, root *os.Root, b branch) (subs []branch, err error) {
	path := filepath.Join(root.Name(), b.rel)
	dir, info, names, err := list(root, b)
	if err != nil {
		return nil, describe(path, err)
	}
	defer dir.release()
	slices.Sort(names)
	kept := 0
	for _, name := range names {
		sub := branch{rel: join(b.rel, name), title: join(b.title, name)}
		at := place{path: filepath.Join(path, name), dir: dir, name: name}
		if err := dag.ValidatePath(sub.title); err != nil {
			return nil, describe(at.path, err)
		}
		if sub.seen, err = at.stat(); err != nil {
			return nil, describe(at.path, at.blame(err, nil))
		}
		if reason := w.unwanted(name, sub.seen); reason != "" {
			w.skip(at.path, reason)
			continue
		}
		switch mode := sub.seen.Mode(); mode.Type() {
		case 0:
			err = w.found(ctx, file{place: at, title: sub.title}, sub.seen)
		case fs.ModeDir:
			subs = append(subs, sub)
		case fs.ModeSymlink:
			err = w.symlink(at, sub)
		}
		if err != nil {
			return nil, err
		}
		kept++
	}
	if mode := permissions(info); b.title != "" && (kept == 0 || mode != directoryMode) {
		w.add(record{kind: isDirectory, title: b.title, mode: mode, content: emptyContent})
	}
	return subs, nil
}

// list opens the directory of b, which must be the one that was seen, and
// returns it with one reference, what it is and the names in it.
func list(root *os.Root, b branch) (*directory, fs.FileInfo, []string, error) {
	at := place{dir: &directory{root: root}, name: b.rel}
	// With "/." it is opened as a directory or not at all: a FIFO would wait.
	sub, err := root.OpenRoot(b.rel + "/.")
	if err != nil {
		return nil, nil, nil, at.blame(err, b.seen)
	}
	dir := &directory{root: sub}
	dir.refs.Store(1)
	info, names, err := read(sub)
	if err == nil && b.seen != nil && !same(b.seen, info) {
		err = errChanged
	}
	if err != nil {
		dir.release()
		return nil, nil, nil, err
	}
	return dir, info, names, nil
}

func read(root *os.Root) (fs.FileInfo, []string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	names, err := f.Readdirnames(-1)
	return info, names, err
}

// found sends a file to whoever reads files of its size.
func (w *walk) found(ctx context.Context, f file, info fs.FileInfo) error {
	if info.Size() > smallMax {
		return w.send(ctx, w.large, f)
	}
	return w.send(ctx, w.small, f)
}

func (w *walk) send(ctx context.Context, to chan<- file, f file) error {
	if f.place.dir != nil {
		f.place.dir.refs.Add(1)
	}
	select {
	case to <- f:
		return nil
	case <-ctx.Done():
		f.place.dir.release()
		return context.Cause(ctx)
	}
}

func (w *walk) symlink(at place, b branch) error {
	target, err := at.dir.root.Readlink(at.name)
	if err != nil {
		return describe(at.path, at.blame(err, b.seen))
	}
	if len(target) > dag.MaxPath {
		return fault.New(fault.TooLarge, op, at.path, "the link's target has %d bytes; at most %d", len(target), dag.MaxPath)
	}
	w.add(record{kind: isSymlink, title: b.title, target: filepath.ToSlash(target), content: emptyContent})
	return nil
}

// unwanted says why something in a directory is skipped, or "".
func (w *walk) unwanted(name string, info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case w.excluded(info):
		return theStore
	case dag.IsPartialName(name):
		return partial
	case mode.IsRegular(), mode.IsDir(), mode.Type() == fs.ModeSymlink:
		return ""
	default:
		return kindOf(mode)
	}
}

func (w *walk) excluded(info fs.FileInfo) bool {
	return slices.ContainsFunc(w.req.Exclude, func(x fs.FileInfo) bool { return os.SameFile(x, info) })
}

// permissions returns the bits that are kept of what info describes.
func permissions(info fs.FileInfo) uint32 {
	switch {
	case runtime.GOOS != "windows":
		return uint32(info.Mode().Perm())
	case info.IsDir():
		return directoryMode
	}
	return fileMode
}

// join appends a name to a slash-separated path, of which "" and "." are the
// beginning.
func join(path, name string) string {
	if path == "" || path == "." {
		return name
	}
	return path + "/" + name
}

// kindOf says what a thing is that has no content to keep.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "neither a file, a directory nor a link"
}
