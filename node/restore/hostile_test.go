package restore_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// forge encodes a manifest that the builder would not make.
func (m *memory) forge(t testing.TB, layers ...dag.Descriptor) dag.CID {
	t.Helper()
	b := dag.NewBlock(dag.Cbor, value(dagcbor.Marshal(map[string]any{
		"v": uint64(1), "mediaType": dag.TypeManifest, "layers": layers,
	}))(t))
	must(t, m.put(b))
	return b.CID
}

// at returns d with its title set to path, whatever that is.
func at(path string, d dag.Descriptor) dag.Descriptor {
	d.Annotations[dag.AnnotationPath] = path
	return d
}

func TestHostileManifests(t *testing.T) {
	m := newMemory()
	evil := func(path string) dag.Descriptor {
		return at(path, dag.FileLayer("x", 0o644, m.blob(t, []byte("evil"), chunkSize)))
	}
	link := func(path, target string) dag.Descriptor { return at(path, dag.SymlinkLayer("x", target)) }
	bytesOf := func(path string) dag.Descriptor {
		d := evil("harmless")
		d.Annotations[dag.AnnotationPathBytes] = base64.StdEncoding.EncodeToString([]byte(path))
		return d
	}
	mode := func(s string) dag.Descriptor {
		d := evil("f")
		d.Annotations[dag.AnnotationMode] = s
		return d
	}
	for name, layers := range map[string][]dag.Descriptor{
		"parent":                 {evil("../outside/evil")},
		"parent within":          {evil("a/../../outside/evil")},
		"parent at the end":      {evil("a/..")},
		"absolute":               {evil("/tmp/evil")},
		"NUL":                    {evil("a\x00b")},
		"dot":                    {evil("./a")},
		"empty element":          {evil("a//b")},
		"slash at the end":       {evil("a/")},
		"parent in hidden bytes": {bytesOf("../outside/evil")},
		"bytes beside a text":    {bytesOf("x")},
		"too long":               {evil(strings.Repeat("a/", dag.MaxPath) + "a")},
		"file beneath a symlink": {link("a", "../outside"), evil("a/evil")},
		"link beneath a symlink": {link("a", "../outside"), link("a/evil", "x")},
		"symlink twice":          {link("a", "../outside"), link("a", ".")},
		"file over a symlink":    {link("a", "../outside/evil"), evil("a")},
		"file beneath a file":    {evil("a"), evil("a/b")},
		"out of order":           {evil("b"), evil("a")},
		"empty link":             {link("a", "")},
		"link with a NUL":        {link("a", "b\x00")},
		"set-uid":                {mode("4755")},
		"set-uid in five digits": {mode("04755")},
		"mode that is no number": {mode("rwx")},
		"partial's name":         {evil(".artifact-partial-0123456789abcdef")},
	} {
		t.Run(name, func(t *testing.T) {
			top := tempDir(t)
			must(t, os.MkdirAll(filepath.Join(top, "outside"), 0o755))
			must(t, os.Mkdir(filepath.Join(top, "target"), 0o755))
			before := scan(t, top)
			_, err := attempt(m, m.forge(t, layers...), filepath.Join(top, "target"), overwrite)
			wantKind(t, err, fault.Invalid)
			same(t, scan(t, top), before)
		})
	}
}

// TestSpecialBitsAreNotMade holds that no restored file has them, also where
// the directory that it is made in hands them down.
func TestSpecialBitsAreNotMade(t *testing.T) {
	m := newMemory()
	target := tempDir(t)
	must(t, os.Chmod(target, 0o755|os.ModeSetgid|os.ModeSticky))
	run(t, m, m.artifact(t, tree{"f": {mode: 0o777, content: "f"}}), target)
	info := value(os.Stat(filepath.Join(target, "f")))(t)
	if info.Mode() != 0o777 && runtime.GOOS != "windows" {
		t.Errorf("got mode %v", info.Mode())
	}
}

func TestSymlinksInTheTarget(t *testing.T) {
	m := newMemory()
	root := m.artifact(t, tree{
		"dir":          {dir: true, mode: 0o700},
		"dir/sub/evil": {mode: 0o644, content: "evil"},
		"evil":         {mode: 0o644, content: "evil"},
	})
	for name, c := range map[string]struct{ at, to string }{
		"directory out":        {"dir", "../outside"},
		"directory absolute":   {"dir", ""}, // replaced by the absolute path
		"implied parent out":   {"dir/sub", "../../outside"},
		"directory inside":     {"dir", "other"},
		"file out":             {"evil", "../outside/evil"},
		"file dangling":        {"evil", "../outside/new"},
		"file to a neighbour":  {"evil", "other/evil"},
		"directory to nothing": {"dir", "nothing"},
	} {
		for _, over := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				top := tempDir(t)
				outside, target := filepath.Join(top, "outside"), filepath.Join(top, "target")
				for _, d := range []string{outside, filepath.Join(target, "other"), filepath.Dir(filepath.Join(target, c.at))} {
					must(t, os.MkdirAll(d, 0o755))
					must(t, os.WriteFile(filepath.Join(d, "keep"), nil, 0o644))
				}
				must(t, os.WriteFile(filepath.Join(outside, "evil"), []byte("good"), 0o640))
				must(t, os.WriteFile(filepath.Join(target, "other", "evil"), []byte("good"), 0o640))
				to := c.to
				if to == "" {
					to = outside
				}
				must(t, os.Symlink(to, filepath.Join(target, c.at)))
				was := []tree{scan(t, outside), scan(t, filepath.Join(target, "other"))}
				_, err := attempt(m, root, target, func(r *restoreRequest) { r.Overwrite = over })
				if !over || c.at != "evil" { // a symlink in a file's place may be replaced itself
					wantKind(t, err, fault.Conflict)
				} else {
					must(t, err)
				}
				same(t, scan(t, outside), was[0])
				same(t, scan(t, filepath.Join(target, "other")), was[1])
			})
		}
	}
}

func TestSealedIsDenied(t *testing.T) {
	m := newMemory()
	seal := value(dagcbor.Marshal(map[string]any{"alg": "A256GCM"}))(t)
	inLayer := dag.FileLayer("f", 0o644, m.blob(t, []byte("secret"), chunkSize))
	inLayer.Seal = seal
	inRoot := dag.FileLayer("f", 0o644, m.sealedBlob(t, seal, noise(1, 2*chunkSize)))
	for name, d := range map[string]dag.Descriptor{"layer": inLayer, "root": inRoot} {
		t.Run(name, func(t *testing.T) {
			root := m.manifest(t, dag.Manifest{}, d)
			target := tempDir(t)
			_, err := attempt(m, root, target)
			wantKind(t, err, fault.Denied)
			if !strings.Contains(err.Error(), "sealed: this version cannot open it") {
				t.Errorf("the error does not say why: %v", err)
			}
			same(t, scan(t, target), tree{})
			_, err = stream(m, root, "f")
			wantKind(t, err, fault.Denied)
		})
	}
}

// sealedBlob stores a tree of two chunks whose root has a seal.
func (m *memory) sealedBlob(t testing.TB, seal []byte, content string) dag.Blob {
	t.Helper()
	var parts []dag.Part
	for _, c := range []string{content[:chunkSize], content[chunkSize:]} {
		b := dag.NewBlock(dag.Raw, []byte(c))
		must(t, m.put(b))
		parts = append(parts, dag.Part{Link: b.CID, Size: uint64(len(c))})
	}
	b := dag.NewBlock(dag.Cbor, value(dagcbor.Marshal(map[string]any{
		"v": uint64(1), "size": uint64(len(content)), "profile": "test", "digests": dag.Digests{},
		"parts": parts, "seal": dag.RawCBOR(seal),
	}))(t))
	must(t, m.put(b))
	return dag.Blob{Root: b.CID, Size: uint64(len(content))}
}

// liar returns what a tampered store would if it did not check.
type liar struct {
	*memory
	about dag.CID
	data  []byte
}

func (l liar) Get(ctx context.Context, c dag.CID) (dag.Block, error) {
	if c == l.about {
		return dag.Block{CID: c, Data: l.data}, nil
	}
	return l.memory.Get(ctx, c)
}

func TestWrongBytesAreNamed(t *testing.T) {
	m := newMemory()
	content := noise(1, 3*chunkSize)
	root := m.artifact(t, tree{"dir/f": {mode: 0o644, content: content}})
	bad := dag.NewBlock(dag.Raw, []byte(content[chunkSize:2*chunkSize])).CID
	spoiled := m.clone()
	spoiled.blocks[bad] = []byte(strings.Repeat("x", chunkSize))
	missing := m.clone()
	delete(missing.blocks, bad)
	for name, c := range map[string]struct {
		g    dag.Getter
		kind fault.Kind
	}{
		"flipped": {spoiled, fault.Corrupt},
		"missing": {missing, fault.NotFound},
		"short":   {liar{m, bad, []byte("short")}, fault.Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			target := tempDir(t)
			_, err := restoreFrom(c.g, root, target)
			wantKind(t, err, c.kind)
			if !strings.Contains(err.Error(), "dir/f") || !strings.Contains(err.Error(), bad.String()) {
				t.Errorf("the error names neither file nor block: %v", err)
			}
			if _, err := os.Lstat(filepath.Join(target, "dir", "f")); err == nil {
				t.Error("the file has its name")
			}
			run(t, m, root, target) // once the block is repaired, it goes on
		})
	}
}
