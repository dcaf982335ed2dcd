package restore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/restore"
)

// sample has one of everything.
func sample() tree {
	return tree{
		"README":             {mode: 0o644, content: "read me"},
		"bin":                {dir: true, mode: 0o755},
		"bin/run":            {mode: 0o755, content: noise(1, 5*chunkSize+7)},
		"bin/again":          {mode: 0o600, content: noise(1, 5*chunkSize+7)},
		"closed":             {dir: true, mode: 0o500},
		"closed/deep":        {dir: true, mode: 0o111},
		"closed/deep/f":      {mode: 0o400, content: "x"},
		"closed/deep/link":   {link: "../../README"},
		"empty":              {mode: 0o644},
		"empty.d":            {dir: true, mode: 0o777},
		"holes":              {mode: 0o644, content: strings.Repeat("\x00", 3*chunkSize) + noise(2, chunkSize) + strings.Repeat("\x00", 2*chunkSize+5)},
		"implied/dir/file":   {mode: 0o640, content: noise(3, 2*chunkSize)},
		"latin\xe9/\xff":     {mode: 0o644, content: "not UTF-8"},
		"link":               {link: "bin/run"},
		"out":                {link: "/nowhere/at/all"},
		"up":                 {link: "../../outside"},
		"zeros":              {mode: 0o644, content: strings.Repeat("\x00", 40*chunkSize)},
		"a\\b":               {mode: 0o644, content: "backslash"},
		"with%20percent\xff": {mode: 0o604, content: "percent"},
	}
}

func run(t testing.TB, m *memory, root dag.CID, target string, change ...func(*restore.Request)) restore.Result {
	t.Helper()
	return value(attempt(m, root, target, change...))(t)
}

func attempt(m *memory, root dag.CID, target string, change ...func(*restore.Request)) (restore.Result, error) {
	req := restore.Request{Manifest: root, Target: target}
	for _, c := range change {
		c(&req)
	}
	return restore.Restore(context.Background(), m, req)
}

func overwrite(r *restore.Request) { r.Overwrite = true }

func paths(p ...string) func(*restore.Request) {
	return func(r *restore.Request) { r.Paths = p }
}

func TestRestoreGivesTheTreeBack(t *testing.T) {
	leaks(t)
	m := newMemory()
	files := sample()
	root := m.artifact(t, files)
	target := filepath.Join(tempDir(t), "made", "on the way")
	var last restore.Event
	got := run(t, m, root, target, func(r *restore.Request) {
		r.Progress = func(e restore.Event) { last = e }
	})
	same(t, scan(t, target), closed(files))

	var want restore.Result
	for _, n := range files {
		if !n.dir {
			want.Files++
			want.Bytes += int64(len(n.content))
		}
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if last.Bytes != want.Bytes || last.TotalBytes != want.Bytes || last.Files != last.TotalFiles {
		t.Errorf("the progress ended at %+v, want %d bytes", last, want.Bytes)
	}

	again := run(t, m, root, target)
	if again != (restore.Result{Skipped: want.Files}) {
		t.Errorf("the second time: %+v, want %d skipped and no more", again, want.Files)
	}
	same(t, scan(t, target), closed(files))
}

// TestRestoreOverWhatIsClosed holds that permissions which shut out their
// owner are no obstacle to finding that all is right.
func TestRestoreOverWhatIsClosed(t *testing.T) {
	m := newMemory()
	files := sample()
	files["closed/deep/hidden"] = node{content: noise(4, 3*chunkSize)}
	root := m.artifact(t, files)
	target := tempDir(t)
	first := run(t, m, root, target)
	if again := run(t, m, root, target); again.Skipped != first.Files || again.Files != 0 {
		t.Errorf("got %+v after %+v", again, first)
	}
	same(t, scan(t, target), closed(files))
}

func TestRestoreAnyTree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		files := drawTree(rt)
		m := newMemory()
		target := value(os.MkdirTemp("", "restore"))(t)
		defer os.RemoveAll(target)
		root := m.artifact(t, files)
		if _, err := attempt(m, root, target); err != nil {
			rt.Fatal(err)
		}
		got, want := scan(t, target), closed(files)
		if !maps.EqualFunc(got, want, func(a, b node) bool { return a == b }) {
			rt.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// drawTree draws a tree with few names, so that they often share directories.
func drawTree(rt *rapid.T) tree {
	name := rapid.SampledFrom([]string{"a", "b", "a.b", "é", "\xff", "e\u0301", "%41", "-", "A B", "..."})
	files := make(tree)
	for range rapid.IntRange(0, 12).Draw(rt, "entries") {
		elements := rapid.SliceOfN(name, 1, 4).Draw(rt, "path")
		place := strings.Join(elements, "/")
		free := true
		for other := range files {
			inside := strings.HasPrefix(place, other+"/") && !files[other].dir
			free = free && other != place && !inside && !strings.HasPrefix(other, place+"/")
		}
		if !free {
			continue
		}
		n := node{mode: fs.FileMode(rapid.IntRange(0, 0o777).Draw(rt, "mode"))}
		switch rapid.IntRange(0, 4).Draw(rt, "kind") {
		case 0:
			n.dir = true
		case 1:
			n.mode, n.link = 0, rapid.SampledFrom([]string{"a", "../..", "/etc", "\xfe"}).Draw(rt, "link")
		default:
			for range rapid.IntRange(0, 5).Draw(rt, "pieces") {
				size := rapid.SampledFrom([]int{1, 100, chunkSize, 3 * chunkSize}).Draw(rt, "size")
				if rapid.Bool().Draw(rt, "zeros") {
					n.content += strings.Repeat("\x00", size)
				} else {
					n.content += noise(byte(rapid.IntRange(0, 3).Draw(rt, "seed")), size)
				}
			}
		}
		files[place] = n
	}
	return files
}

func TestRestoreSelectedPaths(t *testing.T) {
	m := newMemory()
	root := m.artifact(t, sample())
	target := tempDir(t)
	run(t, m, root, target, paths("closed/deep/", "./bin/run", "closed/deep/f", "link"))
	got := scan(t, target)
	want := tree{}
	for _, name := range []string{"closed/deep", "closed/deep/f", "closed/deep/link", "bin/run", "link"} {
		want[name] = sample()[name]
	}
	same(t, got, closed(want))

	_, err := attempt(m, root, target, paths("bin", "bi"))
	wantKind(t, err, fault.NotFound)
	if !strings.Contains(err.Error(), "bi") {
		t.Errorf("the error does not name the path: %v", err)
	}
	_, err = attempt(m, root, target, paths("../bin"))
	wantKind(t, err, fault.Invalid)
}

func TestRestoreOfLayersWithoutPath(t *testing.T) {
	m := newMemory()
	d := dag.FileLayer("x", 0o644, m.blob(t, []byte("anonymous"), chunkSize))
	delete(d.Annotations, dag.AnnotationPath)
	root := m.manifest(t, dag.Manifest{}, d, d)
	target := tempDir(t)
	got := run(t, m, root, target)
	if got.Files != 1 || got.Skipped != 1 {
		t.Errorf("got %+v, want one written and its double skipped", got)
	}
	same(t, scan(t, target), tree{fmt.Sprintf("sha256-%x", d.Digests["sha256"]): {mode: 0o644, content: "anonymous"}})
}

func TestRestoreOfAPagedManifest(t *testing.T) {
	m := newMemory()
	files := make(tree)
	for i := range 8000 {
		files[fmt.Sprintf("dir%02d/file%05d-%s", i%7, i, strings.Repeat("long", 20))] = node{mode: 0o644, content: fmt.Sprint(i)}
	}
	root := m.artifact(t, files)
	target := tempDir(t)
	run(t, m, root, target)
	same(t, scan(t, target), closed(files))
}

func TestOverwrite(t *testing.T) {
	m := newMemory()
	files := tree{
		"dir/equal":     {mode: 0o644, content: "equal"},
		"dir/longer":    {mode: 0o644, content: "the new, longer content"},
		"dir/same-size": {mode: 0o644, content: noise(1, 3*chunkSize)},
		"dir/was-link":  {mode: 0o644, content: "a file"},
		"link":          {link: "new"},
	}
	root := m.artifact(t, files)
	target, outside := tempDir(t), filepath.Join(tempDir(t), "outside")
	in := func(name string) string { return filepath.Join(target, name) }
	must(t, os.WriteFile(outside, []byte("untouched"), 0o644))
	must(t, os.Mkdir(in("dir"), 0o755))
	write := func(name, content string) { must(t, os.WriteFile(in(name), []byte(content), 0o600)) }

	// Each of these alone is refused, and changes nothing.
	for name, spoil := range map[string]func(){
		"dir/longer":    func() { write("dir/longer", "old") },
		"dir/same-size": func() { write("dir/same-size", noise(2, 3*chunkSize)) },
		"dir/was-link":  func() { must(t, os.Symlink(outside, in("dir/was-link"))) },
		"link":          func() { must(t, os.Symlink("old", in("link"))) },
	} {
		spoil()
		before := scan(t, target)
		_, err := attempt(m, root, target)
		wantKind(t, err, fault.Conflict)
		if !strings.Contains(err.Error(), name) || !strings.Contains(fault.HintOf(err), "--overwrite") {
			t.Errorf("%s: the error %q or its hint %q does not say what to do", name, err, fault.HintOf(err))
		}
		after := scan(t, target)
		if after[name] != before[name] {
			t.Errorf("%s was changed", name)
		}
		if name != "dir/same-size" {
			same(t, after, before)
		}
		must(t, os.Remove(in(name)))
	}

	write("dir/equal", "equal")
	write("dir/longer", "old")
	write("dir/same-size", noise(2, 3*chunkSize))
	write("dir/other", "not the artifact's")
	must(t, os.RemoveAll(in("dir/was-link")))
	must(t, os.Symlink(outside, in("dir/was-link")))
	_ = os.Remove(in("link"))
	must(t, os.Symlink("old", in("link")))
	got := run(t, m, root, target, overwrite)
	if got.Skipped != 1 || got.Files != 4 {
		t.Errorf("got %+v, want one skipped and four written", got)
	}
	files["dir/other"] = node{mode: 0o600, content: "not the artifact's"}
	same(t, scan(t, target), closed(files))
	if data := value(os.ReadFile(outside))(t); string(data) != "untouched" {
		t.Errorf("a file outside the target was written: %q", data)
	}
}

func TestDirectoriesAreNeverReplaced(t *testing.T) {
	m := newMemory()
	for name, files := range map[string]tree{
		"a file where a directory stands":    {"x": {mode: 0o644, content: "file"}},
		"a link where a directory stands":    {"x": {link: "y"}},
		"a directory where a file stands":    {"y": {dir: true, mode: 0o755}},
		"a parent directory that is a file":  {"y/z": {mode: 0o644}},
		"a directory where a link stands":    {"l": {dir: true, mode: 0o755}},
		"a parent directory that is a link":  {"l/z": {mode: 0o644}},
		"a link whose parent is a link":      {"l/z": {link: "q"}},
		"a directory whose parent is a link": {"l/z": {dir: true, mode: 0o700}},
	} {
		t.Run(name, func(t *testing.T) {
			target := tempDir(t)
			must(t, os.MkdirAll(filepath.Join(target, "x", "kept"), 0o755))
			must(t, os.WriteFile(filepath.Join(target, "y"), []byte("kept"), 0o644))
			must(t, os.Symlink("x", filepath.Join(target, "l")))
			before := scan(t, target)
			_, err := attempt(m, m.artifact(t, files), target, overwrite)
			wantKind(t, err, fault.Conflict)
			same(t, scan(t, target), before)
		})
	}
}

func TestTargetThatIsAFile(t *testing.T) {
	m := newMemory()
	target := filepath.Join(tempDir(t), "file")
	must(t, os.WriteFile(target, nil, 0o644))
	_, err := attempt(m, m.artifact(t, sample()), target)
	wantKind(t, err, fault.Conflict)
}

func TestCancel(t *testing.T) {
	leaks(t)
	m := newMemory()
	files := tree{"big": {mode: 0o644, content: noise(1, 500*chunkSize)}, "small": {mode: 0o644, content: "s"}}
	root := m.artifact(t, files)
	target := tempDir(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var seen atomic.Int64
	_, err := restore.Restore(ctx, m, restore.Request{Manifest: root, Target: target, Progress: func(e restore.Event) {
		if seen.Store(e.Bytes); e.Bytes > 100*chunkSize {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that it was cancelled", err)
	}
	if fault.HintOf(err) == "" {
		t.Error("the error does not say that the partial file is kept")
	}
	if _, err := os.Lstat(filepath.Join(target, "big")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file that is not whole has its name: %v", err)
	}
	got := run(t, m, root, target)
	if got.Resumed < 100*chunkSize {
		t.Errorf("only %d bytes were resumed", got.Resumed)
	}
	same(t, scan(t, target), files)
}

func TestManyWorkersGiveOneResult(t *testing.T) {
	files := make(tree)
	for i := range 300 {
		files[fmt.Sprintf("d%d/f%03d", i%5, i)] = node{mode: 0o644, content: noise(byte(i%3), chunkSize*(i%4))}
	}
	m := newMemory()
	root := m.artifact(t, files)
	var results []restore.Result
	for _, procs := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(procs)
		target := tempDir(t)
		results = append(results, run(t, m, root, target))
		runtime.GOMAXPROCS(before)
		same(t, scan(t, target), closed(files))
	}
	if len(slices.Compact(results)) != 1 {
		t.Errorf("results differ: %+v", results)
	}
}
