package dag_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
)

func TestTheOCIEmptyDescriptorIsThatOfTheSpecification(t *testing.T) {
	sum := sha256.Sum256([]byte(dag.OCIEmpty))
	json, ok := dag.DeriveOCI(&dag.Manifest{}, nil)
	if !ok || !strings.Contains(string(json), hex.EncodeToString(sum[:])) {
		t.Errorf("%x is not in %s", sum, json)
	}
}

func TestAnyAnnotationsAreReadByAnyJSONReader(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.MapOf(rapid.String(), rapid.String()).Draw(rt, "annotations")
		data, ok := dag.DeriveOCI(&dag.Manifest{Annotations: want}, nil)
		var got struct{ Annotations map[string]string }
		if err := json.Unmarshal(data, &got); err != nil || !ok {
			rt.Fatalf("%v in %s", err, data)
		}
		if fmt.Sprint(got.Annotations) != fmt.Sprint(want) {
			rt.Errorf("got %q, want %q", got.Annotations, want)
		}
	})
}

func TestWhereThereIsNoOCIManifest(t *testing.T) {
	m := newMemory()
	a := m.file("a")
	huge := a
	huge.Size = 1 << 53
	unhashed := a
	unhashed.Digests = nil
	subject := dag.Descriptor{MediaType: dag.TypeManifest, Size: 9, Digests: dag.Digests{"blake3": make([]byte, 32)}}
	halfKnown := subject
	halfKnown.Annotations = map[string]string{
		"vnd.artifact-store.oci-type": "a/b", "vnd.artifact-store.oci-size": "9", "vnd.artifact-store.oci-digest": "sha256:00",
	}
	for name, c := range map[string]struct {
		m      dag.Manifest
		layers []dag.Descriptor
	}{
		"a layer without a sha256":           {dag.Manifest{}, []dag.Descriptor{unhashed}},
		"a config without a sha256":          {dag.Manifest{Config: &unhashed}, nil},
		"a size that JSON does not keep":     {dag.Manifest{}, []dag.Descriptor{huge}},
		"a subject without an OCI manifest":  {dag.Manifest{Subject: &subject}, nil},
		"a subject with half of one":         {dag.Manifest{Subject: &halfKnown}, nil},
		"annotations that are not UTF-8":     {dag.Manifest{Annotations: map[string]string{"a": "\xff"}}, nil},
		"annotations that are over the size": {dag.Manifest{Annotations: map[string]string{"a": strings.Repeat("x", dag.MaxOCIManifest)}}, nil},
	} {
		if json, ok := dag.DeriveOCI(&c.m, c.layers); ok || json != nil {
			t.Errorf("%s: %.100s", name, json)
		}
	}
}

func TestAnOCIManifestIsAsLargeAsRegistriesTake(t *testing.T) {
	m := newMemory()
	layers := make([]dag.Descriptor, 30000)
	for i := range layers {
		layers[i] = m.file(fmt.Sprintf("%06d", i))
	}
	// The most layers that fit, and one more.
	low, high := 0, len(layers)
	for low < high {
		n := (low + high + 1) / 2
		if _, ok := dag.DeriveOCI(&dag.Manifest{}, layers[:n]); ok {
			low = n
		} else {
			high = n - 1
		}
	}
	if json, _ := dag.DeriveOCI(&dag.Manifest{}, layers[:low]); dag.MaxOCIManifest-len(json) > 300 {
		t.Errorf("%d layers leave %d bytes", low, dag.MaxOCIManifest-len(json))
	}
	for n, want := range map[int]bool{low: true, low + 1: false} {
		b, err := dag.BuildManifest(dag.Manifest{}, layers[:n], m.Put)
		if err != nil {
			t.Fatal(err)
		}
		read, err := dag.DecodeManifest(b)
		if err != nil || (read.OCI != nil) != want {
			t.Errorf("%d layers: OCI manifest %v, %v", n, read.OCI, err)
		}
	}
}

func TestAGivenOCIManifestIsKept(t *testing.T) {
	m := newMemory()
	pushed := m.store(`{"pushed": true}`)
	given := dag.Manifest{OCI: &dag.Descriptor{
		MediaType: dag.TypeOCIManifest, Size: pushed.Size, Digests: pushed.Digests, Root: pushed.Root,
	}}
	b, err := dag.BuildManifest(given, []dag.Descriptor{m.file("a")}, m.Put)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dag.DecodeManifest(b)
	if err != nil || read.OCI.Root != pushed.Root || len(m.put) != 1 {
		t.Errorf("%+v, %d blocks, %v", read.OCI, len(m.put), err)
	}
}
