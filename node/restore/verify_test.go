package restore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/restore"
)

func verify(g dag.Getter, root dag.CID) (restore.Report, error) {
	return restore.Verify(context.Background(), g, root, nil)
}

// config is a config blob's descriptor.
func (m *memory) config(t testing.TB, content string) *dag.Descriptor {
	d := dag.FileLayer("x", 0o644, m.blob(t, []byte(content), chunkSize))
	d.MediaType, d.Annotations = "application/json", nil
	return &d
}

func TestVerifyOfARightArtifact(t *testing.T) {
	leaks(t)
	m := newMemory()
	var layers []dag.Descriptor
	var files, size int64
	for name, n := range sample() {
		layers = append(layers, m.layer(t, name, n))
		size += int64(len(n.content))
		if !n.dir && n.link == "" {
			files++
		}
	}
	root := m.manifest(t, dag.Manifest{Config: m.config(t, "{}\n")}, layers...)
	var last restore.Event
	report, err := restore.Verify(context.Background(), m, root, func(e restore.Event) { last = e })
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("got %v, %+v", err, report)
	}
	if report.Files != files || report.Bytes < size || report.Blocks == 0 {
		t.Errorf("got %+v, want %d files and %d bytes or more", report, files, size)
	}
	if last.Files != files || last.TotalFiles != files || last.Bytes != last.TotalBytes {
		t.Errorf("the progress ended at %+v", last)
	}
}

// TestVerifyFindsEveryBlock spoils each block of an artifact in turn, but for
// most chunks of a long blob, once by flipping a bit and once by losing it: the
// report must name that very block.
func TestVerifyFindsEveryBlock(t *testing.T) {
	m := newMemory()
	files := tree{
		"dir":      {dir: true, mode: 0o755},
		"dir/tiny": {mode: 0o644, content: "tiny"},
		"dir/big":  {mode: 0o644, content: noise(1, 1100*64)},
		"link":     {link: "dir/tiny"},
	}
	var layers []dag.Descriptor
	for name, n := range files {
		d := m.layer(t, name, n)
		if name == "dir/big" { // more chunks than one index block holds
			d = dag.FileLayer(name, 0o644, m.blob(t, []byte(n.content), 64))
		}
		layers = append(layers, d)
	}
	m.blocks = m.closure(t, m.manifest(t, dag.Manifest{Config: m.config(t, "{}\n")}, layers...))
	root := m.root
	for c, data := range m.blocks {
		if len(data) == 64 && c.Digest[0]%64 != 0 {
			continue
		}
		for kind, spoil := range map[fault.Kind]func(*memory){
			fault.Corrupt: func(m *memory) {
				if data := bytes.Clone(m.blocks[c]); len(data) > 0 {
					data[len(data)/2] ^= 1
					m.blocks[c] = data
				} else {
					m.blocks[c] = []byte("not empty")
				}
			},
			fault.NotFound: func(m *memory) { delete(m.blocks, c) },
		} {
			spoiled := m.clone()
			spoil(spoiled)
			report, err := verify(spoiled, root)
			wantKind(t, err, fault.Corrupt)
			for _, p := range report.Problems {
				if p.Block != c || p.Kind != kind {
					t.Errorf("%s of %s was reported as %s of %s: %s", kind, c, p.Kind, p.Block, p)
				}
			}
			if len(report.Problems) == 0 {
				t.Errorf("%s of %s was not reported", kind, c)
			}
		}
	}
}

// closure returns the blocks that an artifact needs, and keeps its root.
func (m *memory) closure(t testing.TB, root dag.CID) map[dag.CID][]byte {
	t.Helper()
	m.root = root
	all := make(map[dag.CID][]byte)
	todo := []dag.CID{root}
	for len(todo) > 0 {
		c := todo[0]
		todo = todo[1:]
		all[c] = m.blocks[c]
		if c.Codec == dag.Cbor {
			b := value(dag.Check(c, m.blocks[c]))(t)
			todo = append(todo, value(dag.Links(b))(t)...)
		}
	}
	return all
}

func TestVerifyNamesPaths(t *testing.T) {
	m := newMemory()
	one, two := noise(1, 5*chunkSize), noise(2, 5*chunkSize)
	root := m.artifact(t, tree{
		"a/one":  {mode: 0o644, content: one},
		"a/two":  {mode: 0o644, content: two},
		"b/copy": {mode: 0o644, content: one},
	})
	for _, c := range []string{one[:chunkSize], one[3*chunkSize : 4*chunkSize], two[:chunkSize]} {
		m.blocks[dag.NewBlock(dag.Raw, []byte(c)).CID] = []byte("?")
	}
	report, err := verify(m, root)
	wantKind(t, err, fault.Corrupt)
	var found []string
	for _, p := range report.Problems {
		found = append(found, p.Path)
	}
	if got := strings.Join(found, " "); got != "a/one a/one a/two b/copy b/copy" {
		t.Errorf("got problems at %s", got)
	}
}

// TestVerifyFindsLies tries artifacts whose blocks are all what their CIDs
// say, and which do not say the truth.
func TestVerifyFindsLies(t *testing.T) {
	m := newMemory()
	wrong := sha256.Sum256([]byte("something else"))
	content := noise(1, 3*chunkSize)
	layer := func(change func(*dag.Descriptor)) []dag.Descriptor {
		d := dag.FileLayer("f", 0o644, m.blob(t, []byte(content), chunkSize))
		change(&d)
		return []dag.Descriptor{dag.FileLayer("e", 0o644, m.blob(t, []byte(content), chunkSize)), d}
	}
	for name, c := range map[string]struct {
		root dag.CID
		part restore.Part
	}{
		"sha256 of a tree": {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) { d.Digests["sha256"] = wrong[:] })...), restore.PartLayer},
		"blake3 of a tree": {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) { d.Digests["blake3"] = wrong[:] })...), restore.PartLayer},
		"size of a tree":   {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) { d.Size++ })...), restore.PartLayer},
		"sha256 of a chunk": {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) {
			*d = dag.FileLayer("f", 0o644, m.blob(t, []byte("tiny"), chunkSize))
			d.Digests["sha256"] = wrong[:]
		})...), restore.PartLayer},
		"size of a chunk": {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) {
			*d = dag.FileLayer("f", 0o644, m.blob(t, []byte("tiny"), chunkSize))
			d.Size++
		})...), restore.PartLayer},
		"sha256 in a tree's root": {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) {
			d.Root = m.lyingRoot(t, content, wrong[:])
		})...), restore.PartLayer},
		"size of a part": {m.manifest(t, dag.Manifest{}, layer(func(d *dag.Descriptor) {
			d.Root = m.lyingSizes(t, content)
		})...), restore.PartLayer},
		"config": {m.manifest(t, dag.Manifest{Config: func() *dag.Descriptor {
			d := m.config(t, "{}\n")
			d.Digests["sha256"] = wrong[:]
			return d
		}()}), restore.PartConfig},
		"a manifest that is none": {func() dag.CID {
			b := dag.NewBlock(dag.Cbor, []byte{0xa0})
			must(t, m.put(b))
			return b.CID
		}(), restore.PartManifest},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := verify(m, c.root)
			wantKind(t, err, fault.Corrupt)
			if len(report.Problems) == 0 {
				t.Error("nothing is reported")
			}
			for _, p := range report.Problems {
				if p.Part != c.part || c.part == restore.PartLayer && p.Path != "f" {
					t.Errorf("got %s, want problems of the %s f alone", p, c.part)
				}
			}
		})
	}
}

// node encodes and stores a structure.
func (m *memory) node(t testing.TB, fields map[string]any) dag.CID {
	t.Helper()
	b := dag.NewBlock(dag.Cbor, value(dagcbor.Marshal(fields))(t))
	must(t, m.put(b))
	return b.CID
}

func (m *memory) parts(t testing.TB, content string) (parts []dag.Part) {
	for ; content != ""; content = content[chunkSize:] {
		b := dag.NewBlock(dag.Raw, []byte(content[:chunkSize]))
		must(t, m.put(b))
		parts = append(parts, dag.Part{Link: b.CID, Size: chunkSize})
	}
	return parts
}

func (m *memory) lyingRoot(t testing.TB, content string, sum []byte) dag.CID {
	return m.node(t, map[string]any{
		"v": uint64(1), "size": uint64(len(content)), "profile": "test",
		"digests": dag.Digests{"sha256": sum}, "parts": m.parts(t, content),
	})
}

// lyingSizes shifts a byte from the last part to the first.
func (m *memory) lyingSizes(t testing.TB, content string) dag.CID {
	parts := m.parts(t, content)
	parts[0].Size++
	parts = append(parts[:len(parts)-1], dag.Part{Link: parts[len(parts)-2].Link, Size: parts[len(parts)-1].Size - 1})
	return m.node(t, map[string]any{
		"v": uint64(1), "size": uint64(len(content)), "profile": "test", "digests": dag.Digests{}, "parts": parts,
	})
}

func TestVerifyComparesTheOCIManifest(t *testing.T) {
	m := newMemory()
	layers := []dag.Descriptor{m.layer(t, "a", node{mode: 0o644, content: "a"}), m.layer(t, "b", node{mode: 0o644, content: "b"})}
	man := dag.Manifest{Config: m.config(t, "{}\n")}
	block := value(dag.Check(m.manifest(t, man, layers...), m.blocks[m.manifest(t, man, layers...)]))(t)
	derived := m.blocks[value(dag.DecodeManifest(block))(t).OCI.Root]
	edit := func(change func(oci map[string]any)) []byte {
		var oci map[string]any
		must(t, json.Unmarshal(derived, &oci))
		change(oci)
		return value(json.Marshal(oci))(t)
	}
	of := func(oci map[string]any, i int) map[string]any { return oci["layers"].([]any)[i].(map[string]any) }
	other := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("other")))
	for name, c := range map[string]struct {
		json  []byte
		wrong bool
	}{
		"reordered, as a push may be": {edit(func(o map[string]any) {
			l := o["layers"].([]any)
			l[0], l[1] = l[1], l[0]
		}), false},
		"one layer of another digest": {edit(func(o map[string]any) { of(o, 0)["digest"] = other }), true},
		"one layer of another size":   {edit(func(o map[string]any) { of(o, 1)["size"] = 7 }), true},
		"one layer of another name": {edit(func(o map[string]any) {
			of(o, 1)["annotations"].(map[string]any)[dag.AnnotationPath] = "c"
		}), true},
		"a layer less":   {edit(func(o map[string]any) { o["layers"] = o["layers"].([]any)[:1] }), true},
		"a layer twice":  {edit(func(o map[string]any) { o["layers"] = append(o["layers"].([]any), of(o, 0)) }), true},
		"another config": {edit(func(o map[string]any) { o["config"].(map[string]any)["digest"] = other }), true},
		"not JSON":       {[]byte("{"), true},
	} {
		t.Run(name, func(t *testing.T) {
			blob := m.blob(t, c.json, dag.MaxRaw)
			man := man
			man.OCI = &dag.Descriptor{MediaType: dag.TypeOCIManifest, Size: blob.Size, Digests: blob.Digests, Root: blob.Root}
			report, err := verify(m, m.manifest(t, man, layers...))
			if !c.wrong {
				must(t, err)
				return
			}
			wantKind(t, err, fault.Corrupt)
			if len(report.Problems) != 1 || report.Problems[0].Part != restore.PartOCI || report.Problems[0].Block != blob.Root {
				t.Errorf("got %+v, want one problem of the OCI manifest", report.Problems)
			}
		})
	}
}

func TestVerifyOfSealedContent(t *testing.T) {
	m := newMemory()
	seal := value(dagcbor.Marshal(map[string]any{"alg": "A256GCM"}))(t)
	d := dag.FileLayer("f", 0o644, m.sealedBlob(t, seal, noise(1, 2*chunkSize)))
	d.Seal = seal
	root := m.manifest(t, dag.Manifest{}, d)
	report, err := verify(m, root)
	if err != nil || report.Sealed != 1 {
		t.Errorf("got %+v and %v, want one sealed blob and no problem", report, err)
	}
	m.blocks[dag.NewBlock(dag.Raw, []byte(noise(1, 2*chunkSize)[chunkSize:])).CID] = []byte("?")
	_, err = verify(m, root)
	wantKind(t, err, fault.Corrupt)
}

func TestVerifyListsSoMany(t *testing.T) {
	m := newMemory()
	root := m.manifest(t, dag.Manifest{}, dag.FileLayer("f", 0o644, m.blob(t, []byte(noise(1, 64*1500)), 64)))
	m.blocks = m.closure(t, root)
	for c := range m.blocks {
		if c.Codec == dag.Raw && len(m.blocks[c]) == 64 {
			delete(m.blocks, c)
		}
	}
	report, err := verify(m, root)
	wantKind(t, err, fault.Corrupt)
	if len(report.Problems) != restore.MaxProblems || report.Unlisted != 500 {
		t.Errorf("got %d problems and %d more, want 1500 together", len(report.Problems), report.Unlisted)
	}
}

func TestVerifyIsCancelled(t *testing.T) {
	leaks(t)
	m := newMemory()
	root := m.artifact(t, sample())
	ctx, cancel := context.WithCancel(context.Background())
	m.before = func(ctx context.Context, n int, _ dag.CID) error {
		if n == 20 {
			cancel()
		}
		return ctx.Err()
	}
	report, err := restore.Verify(ctx, m, root, nil)
	if !errors.Is(err, context.Canceled) || len(report.Problems) > 0 {
		t.Errorf("got %v and %+v", err, report.Problems)
	}
}
