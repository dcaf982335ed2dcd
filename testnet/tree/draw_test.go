package tree_test

import (
	"io/fs"
	"runtime"
	"strings"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/testnet/fixture"
)

// elements are what paths are made of: names that need care.
func elements() []string {
	names := []string{
		"a", "b", "a-b", "a.b", "with space", "UPPER", "upper", "%41", "日本", "caf\u00e9", "nai\u0308ve",
		"-rf", "emoji🙂", ".hidden", strings.Repeat("long", 50),
	}
	if runtime.GOOS != "windows" {
		names = append(names, " ", `back\slash`, "new\nline", "\x01", "...", "*", "a:b")
	}
	if runtime.GOOS == "linux" {
		names = append(names, "\xff\xfe", "caf\xe9", "cafe\u0301") // the last beside its NFC form
	}
	return names
}

// edges are sizes of content around those of chunks and of what is read at once.
func edges() []int {
	sizes := []int{0, 1, 100, 5000}
	for _, at := range []int{16 << 10, 64 << 10, 256 << 10, 1 << 20} {
		sizes = append(sizes, at-1, at, at+1)
	}
	return sizes
}

// draw generates a tree.
func draw(t *rapid.T) fixture.Tree {
	tree, name := make(fixture.Tree), rapid.SampledFrom(elements())
	for range rapid.IntRange(0, 15).Draw(t, "entries") {
		depth := rapid.SampledFrom([]int{1, 1, 2, 3, 12}).Draw(t, "depth")
		parts := rapid.SliceOfN(name, depth, depth).Draw(t, "path")
		if room(tree, parts) {
			tree[strings.Join(parts, "/")] = drawEntry(t)
		}
	}
	return tree
}

// room makes the directories above a path, unless something else is there.
func room(tree fixture.Tree, parts []string) bool {
	for i := range parts {
		e, there := tree[strings.Join(parts[:i+1], "/")]
		if there && (i == len(parts)-1 || !e.Mode.IsDir()) {
			return false
		}
	}
	for i := range len(parts) - 1 {
		at := strings.Join(parts[:i+1], "/")
		if _, there := tree[at]; !there {
			tree[at] = fixture.Entry{Mode: fs.ModeDir | 0o755}
		}
	}
	return true
}

func drawEntry(t *rapid.T) fixture.Entry {
	posix := runtime.GOOS != "windows"
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	e := fixture.Entry{Mode: 0o644}
	switch {
	case kind == 0 && posix:
		return fixture.Entry{Mode: fs.ModeDir | fs.FileMode(rapid.SampledFrom([]int{0o755, 0o700, 0o777, 0o555}).Draw(t, "mode"))}
	case kind == 0:
		return fixture.Entry{Mode: fs.ModeDir | 0o755}
	case kind < 3 && posix:
		return fixture.Entry{Target: rapid.SampledFrom([]string{"a", "../..", "/etc/passwd", "dangling/é", "\xff", "cafe\u0301"}).Draw(t, "target")}
	case posix:
		e.Mode = fs.FileMode(rapid.IntRange(0, 0o777).Draw(t, "mode")) | 0o400
	}
	e.Data = fixture.Bytes(rapid.Uint64Range(0, 3).Draw(t, "content"), rapid.SampledFrom(edges()).Draw(t, "size"))
	if rapid.Bool().Draw(t, "hole") {
		clear(e.Data[len(e.Data)/4 : len(e.Data)/2])
	}
	return e
}
