package dag_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// manyPaths returns n paths in order, each of them some bytes long.
func manyPaths(n, length int) []string {
	all := make([]string, n)
	for i := range all {
		p := fmt.Sprintf("d%03d/f%06d", i/100, i)
		for len(p)+100 < length {
			p += "/" + strings.Repeat("x", 99)
		}
		all[i] = p
	}
	return all
}

// build makes a manifest of files at paths, each with its path as its content
// but where changed says otherwise.
func build(t testing.TB, m *memory, all []string, changed map[string]string) dag.Block {
	t.Helper()
	b := dag.NewManifestBuilder(dag.Manifest{}, m.Put)
	for _, p := range all {
		d := m.file(p)
		if content, ok := changed[p]; ok {
			d = dag.FileLayer(p, 0o644, m.store(content))
		}
		if err := b.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	block, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// closure returns the dag-cbor blocks that b leads to, by depth.
func closure(t testing.TB, m *memory, b dag.Block) [][]dag.CID {
	t.Helper()
	links, err := dag.Links(b)
	if err != nil {
		t.Fatal(err)
	}
	levels := [][]dag.CID{{b.CID}}
	for _, c := range links {
		if c.Codec != dag.Cbor {
			continue
		}
		for depth, level := range closure(t, m, m.blocks[c]) {
			if depth+1 == len(levels) {
				levels = append(levels, nil)
			}
			levels[depth+1] = append(levels[depth+1], level...)
		}
	}
	return levels
}

func TestPagesBeginWhereTheManifestIsFull(t *testing.T) {
	m := newMemory()
	all := manyPaths(10000, 0)
	// The most layers that stand in the manifest, and one more.
	most := 0
	for low, high := 0, len(all); low < high; most = low {
		n := (low + high + 1) / 2
		if len(closure(t, m, build(t, m, all[:n], nil))) == 1 {
			low = n
		} else {
			high = n - 1
		}
	}
	inline := build(t, m, all[:most], nil)
	if room := dag.MaxNode - len(inline.Data); room < 0 || room > 300 {
		t.Errorf("%d layers leave %d bytes", most, room)
	}
	m.put = nil
	paged := build(t, m, all[:most+1], nil)
	levels := closure(t, m, paged)
	if len(levels) != 2 || len(levels[1]) < 8 {
		t.Fatalf("%d levels of pages", len(levels)-1)
	}
	if n := len(m.put); m.put[n-1].CID != paged.CID || n != 1+len(levels[1])+1 {
		t.Errorf("%d blocks are put for %d pages, an OCI manifest and a manifest at the end", n, len(levels[1]))
	}
	for _, c := range levels[1][:len(levels[1])-1] {
		if size := len(m.blocks[c].Data); size < 16<<10 || size > 128<<10+16 {
			t.Errorf("a page of %d bytes", size)
		}
	}
	read, err := dag.DecodeManifest(paged)
	if err != nil || read.Count() != uint64(most+1) {
		t.Fatal(err)
	}
	if got := paths(t, read, m, ""); !slices.Equal(got, all[:most+1]) {
		t.Error("the paths differ")
	}
}

func TestAChangedFileChangesOnePage(t *testing.T) {
	m := newMemory()
	all := manyPaths(20000, 0)
	before := closure(t, m, build(t, m, all, nil))
	check := func(name string, most int, after dag.Block) {
		fresh := 0
		for _, c := range closure(t, m, after)[1] {
			if !slices.Contains(before[1], c) {
				fresh++
			}
		}
		if fresh < 1 || fresh > most {
			t.Errorf("%s: %d of %d pages are new", name, fresh, len(before[1]))
		}
	}
	check("changed", 1, build(t, m, all, map[string]string{all[10000]: "new"}))
	// A border by size alone may move until the next by content.
	check("added", 4, build(t, m, slices.Insert(slices.Clone(all), 10001, all[10000]+"-new"), nil))
	check("removed", 4, build(t, m, slices.Delete(slices.Clone(all), 10000, 10001), nil))
}

func TestOnePathReadsOnePageALevel(t *testing.T) {
	m := newMemory()
	all := manyPaths(8000, 4000)
	b := build(t, m, all, nil)
	levels := closure(t, m, b)
	if len(levels) != 3 {
		t.Fatalf("%d levels of pages, want 2", len(levels)-1)
	}
	read, err := dag.DecodeManifest(b)
	if err != nil || read.Count() != uint64(len(all)) {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, 3999, 7998, 7999} {
		m.reads = 0
		d, err := read.Layer(t.Context(), m, all[i])
		if err != nil {
			t.Fatal(err)
		}
		if p, _ := d.Path(); p != all[i] || m.reads != 2 {
			t.Errorf("layer %d: %d blocks read", i, m.reads)
		}
	}
	for from, want := range map[string][]string{
		"":              all,
		"d":             all,
		all[4000]:       all[4000:],
		all[4000] + "!": all[4001:],
		"e":             nil,
	} {
		if got := paths(t, read, m, from); !slices.Equal(got, want) {
			t.Errorf("from %.20q: %d paths, want %d", from, len(got), len(want))
		}
	}
	m.reads = 0
	n := 0
	err = read.Layers(t.Context(), m, "", func(dag.Descriptor) error {
		if n++; n == 3 {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil || m.reads != 2 {
		t.Errorf("three layers: %d blocks read, %v", m.reads, err)
	}
}

func TestBadPagesAreRefused(t *testing.T) {
	m := newMemory()
	entry := func(path string) fields {
		d := m.file(path)
		return fields{"mediaType": d.MediaType, "size": d.Size, "root": d.Root, "annotations": d.Annotations}
	}
	leaf := func(paths ...string) dag.Block {
		var layers []any
		for _, p := range paths {
			layers = append(layers, entry(p))
		}
		return encodeInto(t, m, fields{"v": 1, "layers": layers})
	}
	ref := func(b dag.Block, count int, first string) []any { return []any{b.CID, count, []byte(first)} }
	above := func(refs ...any) dag.Block { return encodeInto(t, m, fields{"v": 1, "pages": refs}) }
	deep, one := above(ref(leaf("a"), 1, "a")), leaf("a")
	for range dag.MaxPageDepth {
		deep = above(ref(deep, 1, "a"))
	}
	for name, c := range map[string]struct {
		pages []any
		says  string
	}{
		"count too low":       {[]any{ref(leaf("a", "b"), 1, "a")}, "2 layers where 1"},
		"count too high":      {[]any{ref(leaf("a"), 2, "a")}, "1 layers where 2"},
		"first path":          {[]any{ref(leaf("b"), 1, "a")}, `begin with "a"`},
		"first path of pages": {[]any{ref(above(ref(leaf("b"), 1, "b")), 1, "a")}, `begin with "a"`},
		"order across pages":  {[]any{ref(leaf("a", "c"), 2, "a"), ref(leaf("b"), 1, "b")}, "comes after"},
		"same path":           {[]any{ref(leaf("a", "b"), 2, "a"), ref(leaf("b"), 1, "b")}, "two layers"},
		"beneath a file":      {[]any{ref(leaf("a"), 1, "a"), ref(leaf("a/b"), 1, "a/b")}, "not a directory"},
		"uneven depth":        {[]any{ref(one, 1, "a"), ref(above(ref(leaf("b"), 1, "b")), 1, "b")}, "depth"},
		"too deep":            {[]any{ref(deep, 1, "a")}, "deeper"},
		"neither":             {[]any{ref(encodeInto(t, m, fields{"v": 1}), 1, "a")}, "either"},
		"both": {[]any{ref(encodeInto(t, m, fields{
			"v": 1, "layers": []any{entry("a")}, "pages": []any{ref(one, 1, "a")},
		}), 2, "a")}, "either"},
		"newer version": {[]any{ref(encodeInto(t, m, fields{"v": 2, "rows": 1}), 1, "a")}, "newer version"},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := dag.DecodeManifest(encode(t, with(plain(), "pages", c.pages)))
			if err != nil {
				t.Fatal(err)
			}
			err = read.Layers(t.Context(), m, "", func(dag.Descriptor) error { return nil })
			kind := fault.Invalid
			if c.says == "deeper" {
				kind = fault.TooLarge
			}
			wantFault(t, err, kind, c.says)
		})
	}
	read, err := dag.DecodeManifest(encode(t, with(plain(), "pages", []any{ref(chunkAt(0, 4), 1, "a")})))
	if err == nil {
		t.Errorf("a raw page is taken: %v", read)
	}
}

func TestFewPagesAreNotManyLayers(t *testing.T) {
	m := newMemory()
	d := m.file("a")
	layer := fields{"mediaType": d.MediaType, "size": d.Size, "root": d.Root}
	count := 1000
	layers := make([]any, count)
	for i := range layers {
		layers[i] = layer
	}
	b := encodeInto(t, m, fields{"v": 1, "layers": layers})
	for range dag.MaxPageDepth - 1 {
		refs := make([]any, 1000)
		for i := range refs {
			refs[i] = []any{b.CID, count, []byte{}}
		}
		count *= len(refs)
		b = encodeInto(t, m, fields{"v": 1, "pages": refs})
	}
	read, err := dag.DecodeManifest(encode(t, with(plain(), "pages", []any{[]any{b.CID, count, []byte{}}})))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = read.Layers(t.Context(), m, "", func(dag.Descriptor) error { n++; return nil })
	wantFault(t, err, fault.TooLarge, "no path")
	if n != dag.MaxUnnamed || m.reads > 100 {
		t.Errorf("%d layers and %d blocks before the end", n, m.reads)
	}
}

func BenchmarkManifestBuilder(b *testing.B) {
	all := manyPaths(50000, 0)
	content := newMemory().store("content")
	for b.Loop() {
		mb := dag.NewManifestBuilder(dag.Manifest{}, func(dag.Block) error { return nil })
		for _, p := range all {
			if err := mb.Add(dag.FileLayer(p, 0o644, content)); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := mb.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(all)), "ns/layer")
}
