package dag_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// drawPaths returns distinct paths of which none lies beneath another.
func drawPaths(rt *rapid.T) []string {
	element := rapid.OneOf(
		rapid.StringMatching(`[a-c][a-c.-]{0,2}`),
		rapid.SampledFrom([]string{"é", "e\u0301", "\xff", "%FF", "日本", "a b", "\n", "..."}),
	)
	path := rapid.Map(rapid.SliceOfN(element, 1, 3), func(e []string) string { return strings.Join(e, "/") })
	paths := rapid.SliceOfDistinct(path, rapid.ID[string]).Draw(rt, "paths")
	var kept []string
	for _, p := range paths {
		if !slices.ContainsFunc(paths, func(q string) bool { return strings.HasPrefix(q, p+"/") }) {
			kept = append(kept, p)
		}
	}
	return kept
}

func TestAnyPathsComeBackInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMemory()
		var layers []dag.Descriptor
		given := drawPaths(rt)
		for _, p := range given {
			layers = append(layers, m.file(p))
		}
		first, err := dag.BuildManifest(dag.Manifest{}, layers, m.Put)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := dag.BuildManifest(dag.Manifest{}, rapid.Permutation(layers).Draw(rt, "order"), m.Put)
		if err != nil || again.CID != first.CID {
			rt.Fatal("the order of the layers changed the manifest", err)
		}
		read, err := dag.DecodeManifest(first)
		if err != nil || read.Count() != uint64(len(given)) {
			rt.Fatal(err)
		}
		slices.SortFunc(given, dag.ComparePaths)
		from := rapid.SampledFrom(append(given, "", "a", "b/", "zz")).Draw(rt, "from")
		want := given[min(len(given), firstFrom(given, from)):]
		if got := paths(t, read, m, from); !slices.Equal(got, want) {
			rt.Fatalf("from %q got %q, want %q", from, got, want)
		}
	})
}

// firstFrom returns the index of the first path that is not before from.
func firstFrom(paths []string, from string) int {
	i, _ := slices.BinarySearchFunc(paths, from, dag.ComparePaths)
	return i
}

func TestManifestKeepsItsFields(t *testing.T) {
	m := newMemory()
	config := m.file("config")
	config.MediaType, config.Annotations = "application/vnd.acme.run.v1+json", nil
	subject, err := dag.BuildManifest(dag.Manifest{ArtifactType: "application/x"}, nil, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	about, err := dag.NewSubject(subject)
	if err != nil {
		t.Fatal(err)
	}
	sealed := m.file("secret")
	sealed.Seal = encode(t, fields{"mode": "tenant"}).Data
	ext := encode(t, []any{1, fields{"deep": true}}).Data
	given := dag.Manifest{
		ArtifactType: "application/vnd.acme.run.v1", Config: &config, Subject: &about,
		Annotations: map[string]string{"acme.site": "Île-de-France"},
		Ext:         map[string]dag.RawCBOR{"acme": ext},
	}
	b, err := dag.BuildManifest(given, []dag.Descriptor{sealed}, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dag.DecodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	read, err := got.Layer(t.Context(), m, "secret")
	switch {
	case err != nil:
		t.Fatal(err)
	case string(read.Seal) != string(sealed.Seal):
		t.Error("the seal is not kept verbatim")
	case string(got.Ext["acme"]) != string(ext):
		t.Error("ext is not kept verbatim")
	case got.ArtifactType != given.ArtifactType || got.Config.Root != config.Root:
		t.Error("type or config differ")
	case got.Subject.Digests["blake3"] == nil || !got.Subject.Root.IsZero():
		t.Error("the subject has a root or no digest")
	case got.Annotations["acme.site"] != "Île-de-France" || got.OCI != nil:
		t.Error("annotations differ, or sealed content has an OCI manifest")
	}
	links, err := dag.Links(b)
	if err != nil || slices.Contains(links, subject.CID) {
		t.Errorf("links %v, %v: a subject must not be one", links, err)
	}
}

func TestEntriesOfATreeComeBack(t *testing.T) {
	m := newMemory()
	raw := "caf\xe9/e\u0301"
	layers := []dag.Descriptor{
		dag.FileLayer("bin/tool", 0o755, m.store("tool")),
		dag.DirectoryLayer("bin", 0o700),
		dag.DirectoryLayer("empty", 0o755),
		dag.SymlinkLayer("bin/link", "../\xff"),
		dag.FileLayer(raw, 0o644, dag.EmptyBlob()),
	}
	b, err := dag.BuildManifest(dag.Manifest{}, layers, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dag.DecodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{"bin": 0o700, "bin/tool": 0o755, "empty": 0o755, raw: 0o644} {
		d, err := read.Layer(t.Context(), m, path)
		if err != nil {
			t.Fatal(err)
		}
		if mode, err := d.Mode(); mode != want || err != nil {
			t.Errorf("%q has mode %o, %v", path, mode, err)
		}
	}
	d, err := read.Layer(t.Context(), m, "bin/link")
	if err != nil {
		t.Fatal(err)
	}
	if target, err := d.LinkTarget(); target != "../\xff" || err != nil {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	_, err = read.Layer(t.Context(), m, "bin/too")
	wantFault(t, err, fault.NotFound, "bin/too")
	_, err = read.Layer(t.Context(), m, "../etc")
	wantFault(t, err, fault.Invalid, "..")
}

func TestLayersWithoutAPathKeepTheirOrder(t *testing.T) {
	m := newMemory()
	var layers []dag.Descriptor
	for _, content := range []string{"z", "a", "a", "m"} {
		d := m.file(content)
		d.Annotations = nil
		layers = append(layers, d)
	}
	layers = slices.Insert(layers, 1, m.file("named"))
	b, err := dag.BuildManifest(dag.Manifest{}, layers, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dag.DecodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	var got []dag.CID
	if err := read.Layers(t.Context(), m, "", func(d dag.Descriptor) error { got = append(got, d.Root); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []dag.CID{layers[0].Root, layers[2].Root, layers[3].Root, layers[4].Root, layers[1].Root}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := paths(t, read, m, "a"); !slices.Equal(got, []string{"named"}) {
		t.Errorf("from a: %q", got)
	}
}

func TestBuildRefuses(t *testing.T) {
	m := newMemory()
	file := m.file
	change := func(f func(*dag.Descriptor)) []dag.Descriptor {
		d := file("a")
		f(&d)
		return []dag.Descriptor{d}
	}
	annotate := func(key, value string) []dag.Descriptor {
		return change(func(d *dag.Descriptor) { d.Annotations[key] = value })
	}
	for name, c := range map[string]struct {
		layers []dag.Descriptor
		says   string
	}{
		"same path":           {[]dag.Descriptor{file("a"), file("a")}, "two layers"},
		"beneath a file":      {[]dag.Descriptor{file("a/b/c"), file("a-b"), file("a")}, "not a directory"},
		"beneath a symlink":   {[]dag.Descriptor{file("a/b"), dag.SymlinkLayer("a", "/etc")}, "not a directory"},
		"leads up":            {[]dag.Descriptor{file("a/../../b")}, ".."},
		"absolute":            {[]dag.Descriptor{file("/a")}, "absolute"},
		"link without target": {[]dag.Descriptor{dag.SymlinkLayer("a", "")}, "no target"},
		"link to NUL":         {[]dag.Descriptor{dag.SymlinkLayer("a", "b\x00")}, "NUL"},
		"no root":             {change(func(d *dag.Descriptor) { d.Root = dag.CID{} }), "no root"},
		"no media type":       {change(func(d *dag.Descriptor) { d.MediaType = "" }), "media type"},
		"size of an empty":    {change(func(d *dag.Descriptor) { d.Size = 0 }), "0 bytes"},
		"size beyond 2^63-1":  {change(func(d *dag.Descriptor) { d.Size = 1 << 63 }), "2^63-1"},
		"blake3 twice":        {change(func(d *dag.Descriptor) { d.Digests["blake3"] = d.Root.Digest[:] }), "not repeated"},
		"digest's length":     {change(func(d *dag.Descriptor) { d.Digests["sha256"] = nil }), "digest"},
		"directory's content": {change(func(d *dag.Descriptor) { d.MediaType = dag.TypeDirectory }), "no content"},
		"seal":                {change(func(d *dag.Descriptor) { d.Seal = dag.RawCBOR{1} }), "not a map"},
		"mode":                {annotate(dag.AnnotationMode, "4755"), "0644"},
		"mode of two digits":  {annotate(dag.AnnotationMode, "64"), "0644"},
		"bytes of plain path": {annotate(dag.AnnotationPathBytes, "YQ=="), "is not what"},
		"bytes of other path": {annotate(dag.AnnotationPathBytes, "/w=="), "is not what"},
		"bytes not base64":    {annotate(dag.AnnotationPathBytes, "YQ"), "base64"},
		"text not UTF-8":      {annotate("x", "\xff"), "text that is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dag.BuildManifest(dag.Manifest{}, c.layers, m.Put)
			wantFault(t, err, fault.Invalid, c.says)
		})
	}
	_, err := dag.BuildManifest(dag.Manifest{}, annotate("x", strings.Repeat("x", dag.MaxDescriptor)), m.Put)
	wantFault(t, err, fault.TooLarge, "descriptor")
	_, err = dag.BuildManifest(dag.Manifest{Annotations: map[string]string{"x": strings.Repeat("x", dag.MaxNode)}}, nil, m.Put)
	wantFault(t, err, fault.TooLarge, "")
	_, err = dag.BuildManifest(dag.Manifest{ArtifactType: "none"}, nil, m.Put)
	wantFault(t, err, fault.Invalid, "media type")
	linked := file("a")
	_, err = dag.BuildManifest(dag.Manifest{Subject: &linked}, nil, m.Put)
	wantFault(t, err, fault.Invalid, "keep alive")
	fails := errors.New("disk on fire")
	if _, err := dag.BuildManifest(dag.Manifest{}, nil, func(dag.Block) error { return fails }); !errors.Is(err, fails) {
		t.Errorf("put's error is lost: %v", err)
	}
}

func TestBuilderWantsOrder(t *testing.T) {
	m := newMemory()
	b := dag.NewManifestBuilder(dag.Manifest{}, m.Put)
	for _, p := range []string{"a", "b/c", "b-c"} {
		if err := b.Add(m.file(p)); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, b.Add(m.file("b")), fault.Invalid, `comes after "b-c"`)
	wantFault(t, b.Add(m.file("z")), fault.Invalid, "comes after")
	if _, err := b.Finish(); err == nil {
		t.Error("a broken build is finished")
	}
}

// plain is the smallest manifest, to be spoilt.
func plain() fields { return fields{"v": 1, "mediaType": dag.TypeManifest} }

func TestDecodeRefuses(t *testing.T) {
	m := newMemory()
	entry := func(path string) fields {
		d := m.file(path)
		return fields{"mediaType": d.MediaType, "size": d.Size, "root": d.Root, "annotations": d.Annotations}
	}
	raw := dag.EmptyBlock().CID
	node := encode(t, plain()).CID
	for name, c := range map[string]struct {
		from fields
		says string
	}{
		"newer version":     {with(plain(), "v", 2), "newer version"},
		"newer, other form": {with(with(plain(), "v", 7), "layers", "none"), "newer version"},
		"version 0":         {with(plain(), "v", 0), "version 0"},
		"no version":        {with(plain(), "v", nil), ""},
		"unknown field":     {with(plain(), "colour", "blue"), "unknown field"},
		"feature":           {with(with(plain(), "crit", []string{"residency"}), "ext", fields{"residency": "eu"}), `needs the feature "residency", which this version does not know`},
		"media type":        {with(plain(), "mediaType", "text/plain"), "media type"},
		"empty layers":      {with(plain(), "layers", []any{}), ""},
		"config of nothing": {with(plain(), "config", fields{}), ""},
		"same path":         {with(plain(), "layers", []any{entry("a"), entry("a")}), "two layers"},
		"order":             {with(plain(), "layers", []any{entry("a-b"), entry("a/b")}), "comes after"},
		"beneath a file":    {with(plain(), "layers", []any{entry("a"), entry("a/b")}), "not a directory"},
		"leads up":          {with(plain(), "layers", []any{entry("../a")}), ".."},
		"layer's field":     {with(plain(), "layers", []any{with(entry("a"), "x", 1)}), "unknown field"},
		"layers and pages":  {with(with(plain(), "layers", []any{entry("a")}), "pages", []any{[]any{node, 1, []byte("a")}}), "both"},
		"page is raw":       {with(plain(), "pages", []any{[]any{raw, 1, []byte("a")}}), "not well formed"},
		"page of none":      {with(plain(), "pages", []any{[]any{node, 0, []byte("a")}}), "not well formed"},
		"pages out of sort": {with(plain(), "pages", []any{[]any{node, 1, []byte("b")}, []any{node, 1, []byte("a")}}), "out of order"},
		"pages too many":    {with(plain(), "pages", []any{[]any{node, 1<<63 - 1, []byte("a")}, []any{node, 1, []byte("b")}}), "not well formed"},
		"page's path":       {with(plain(), "pages", []any{[]any{node, 1, []byte("/")}}), "absolute"},
		"oci is a node":     {with(plain(), "oci", fields{"mediaType": "a/b", "size": 9, "root": node}), "raw block"},
		"subject is linked": {with(plain(), "subject", entry("a")), "keep alive"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dag.DecodeManifest(encode(t, c.from))
			wantFault(t, err, fault.Invalid, c.says)
			if newer := strings.Contains(c.says, "newer") || strings.Contains(c.says, "feature"); newer != (fault.HintOf(err) != "") {
				t.Errorf("hint %q", fault.HintOf(err))
			}
		})
	}
	_, err := dag.DecodeManifest(dag.EmptyBlock())
	wantFault(t, err, fault.Invalid, "not a dag-cbor block")
}

func TestADamagedManifestIsNoPanic(t *testing.T) {
	m := newMemory()
	b, err := dag.BuildManifest(dag.Manifest{ArtifactType: "a/b"}, []dag.Descriptor{m.file("a"), dag.SymlinkLayer("b", "\xff")}, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	for n := range b.Data {
		if _, err := dag.DecodeManifest(dag.NewBlock(dag.Cbor, b.Data[:n])); err == nil {
			t.Fatalf("the first %d bytes are a manifest", n)
		}
		for bit := range 8 {
			damaged := slices.Clone(b.Data)
			damaged[n] ^= 1 << bit
			// It may well be a manifest: of something else.
			d := dag.NewBlock(dag.Cbor, damaged)
			if read, err := dag.DecodeManifest(d); err == nil {
				_ = read.Layers(t.Context(), m, "", func(dag.Descriptor) error { return nil })
			} else if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				t.Fatalf("bit %d of byte %d: %v is of no kind", bit, n, err)
			}
		}
	}
}

func TestAWalkStops(t *testing.T) {
	m := newMemory()
	b, err := dag.BuildManifest(dag.Manifest{}, []dag.Descriptor{m.file("a"), m.file("b")}, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dag.DecodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	calls, enough := 0, fmt.Errorf("enough")
	for _, stop := range []error{fs.SkipAll, enough} {
		calls = 0
		err := read.Layers(context.Background(), m, "", func(dag.Descriptor) error { calls++; return stop })
		if calls != 1 || stop == enough != errors.Is(err, enough) {
			t.Errorf("%d calls, %v", calls, err)
		}
	}
}
