package dag_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagtest"
)

// update writes the golden files anew. They are frozen: only a new version of
// the format may change what is in them, and then beside the old.
var update = flag.Bool("update", false, "rewrite the golden files of this package")

// golden holds what got encodes to against a golden file.
func golden(t *testing.T, name string, got any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(filepath.Join("dagtest", "testdata", name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := dagtest.Vectors(name); !bytes.Equal(b.Bytes(), want) {
		at := 0
		for at < min(b.Len(), len(want)) && b.Bytes()[at] == want[at] {
			at++
		}
		line := 1 + bytes.Count(b.Bytes()[:at], []byte("\n"))
		t.Errorf("%s differs from line %d: the format has changed", name, line)
	}
}

// goldenBlock is a block in a golden file.
type goldenBlock struct {
	CID string `json:"cid"`
	Hex string `json:"hex"`
}

func goldenBlocks(blocks []dag.Block) []goldenBlock {
	out := make([]goldenBlock, len(blocks))
	for i, b := range blocks {
		out[i] = goldenBlock{b.CID.String(), hex.EncodeToString(b.Data)}
	}
	return out
}

// goldenDigests is digests in hex.
func goldenDigests(d dag.Digests) map[string]string {
	out := map[string]string{}
	for name, h := range d {
		out[name] = hex.EncodeToString(h)
	}
	return out
}

func TestBlobsAreFrozen(t *testing.T) {
	type blobCase struct {
		Name    string            `json:"name"`
		Profile string            `json:"profile"`
		Chunks  int               `json:"chunks"`
		Size    uint64            `json:"size"`
		Digests map[string]string `json:"digests"`
		Root    string            `json:"root"`
		Index   int               `json:"index"`
		Blocks  []goldenBlock     `json:"blocks,omitempty"`
	}
	file := struct {
		About string     `json:"about"`
		Cases []blobCase `json:"cases"`
	}{About: "Blob trees. Chunk i of a blob, from 0, is the four bytes of i in big endian. digests go into Finish and are of the whole content; root is what they make; index is the number of index blocks, the root among them; blocks are these in the order in which they are made, left out where there are many."}
	for _, c := range []struct {
		name, profile string
		chunks        int
		blake3        bool
	}{
		{"empty", "default", 0, false},
		{"one chunk is its own root", "default", 1, false},
		{"two chunks", "default", 2, false},
		{"two chunks, whole-content blake3 asked for", "default", 2, true},
		{"three chunks, another profile", "fine", 3, false},
		{"a full root", "default", 1024, false},
		{"one chunk more than a full root", "default", 1025, false},
		{"a full second level and one chunk", "default", 1024*1024 + 1, false},
	} {
		sha, b3 := sha256.New(), dag.NewHash()
		m := newMemory()
		tree := dag.NewTreeBuilder(c.profile, m.Put)
		for i := range c.chunks {
			b := chunkAt(i, 4)
			_, _ = sha.Write(b.Data)
			_, _ = b3.Write(b.Data)
			if err := tree.Add(b.CID, 4); err != nil {
				t.Fatal(err)
			}
		}
		digests := dag.Digests{"sha256": sha.Sum(nil)}
		if c.blake3 {
			digests["blake3"] = b3.Sum(nil)
		}
		blob, err := tree.Finish(digests)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.put) > 0 {
			if err := walkBlob(t, m, blob.Root); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		out := blobCase{
			Name: c.name, Profile: c.profile, Chunks: c.chunks, Size: blob.Size,
			Digests: goldenDigests(blob.Digests), Root: blob.Root.String(), Index: len(m.put),
		}
		if c.chunks <= 3 {
			out.Blocks = goldenBlocks(m.put)
		}
		file.Cases = append(file.Cases, out)
	}
	golden(t, "blob.json", file)
}

// goldenLayer is a descriptor in a golden file.
type goldenLayer struct {
	MediaType   string            `json:"mediaType"`
	Size        uint64            `json:"size"`
	Digests     map[string]string `json:"digests,omitempty"`
	Root        string            `json:"root,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Seal        string            `json:"seal,omitempty"` // hex of CBOR
}

func goldenDescriptor(d *dag.Descriptor) *goldenLayer {
	if d == nil {
		return nil
	}
	out := &goldenLayer{MediaType: d.MediaType, Size: d.Size, Digests: goldenDigests(d.Digests), Annotations: d.Annotations,
		Seal: hex.EncodeToString(d.Seal)}
	if !d.Root.IsZero() {
		out.Root = d.Root.String()
	}
	return out
}

// goldenArtifact is a manifest, and what it is made of.
type goldenArtifact struct {
	Name         string            `json:"name"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Config       *goldenLayer      `json:"config,omitempty"`
	Subject      *goldenLayer      `json:"subject,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Ext          map[string]string `json:"ext,omitempty"` // hex of CBOR
	Layers       []*goldenLayer    `json:"layers"`
	OCI          string            `json:"oci,omitempty"` // the derived JSON
	OCISHA256    string            `json:"oci_sha256,omitempty"`
	Manifest     goldenBlock       `json:"manifest"`
	Digest       string            `json:"digest"`
}

// artifact builds one and describes it.
func artifact(t *testing.T, name string, m dag.Manifest, layers ...dag.Descriptor) goldenArtifact {
	t.Helper()
	blocks := newMemory()
	b, err := dag.BuildManifest(m, layers, blocks.Put)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	read, err := dag.DecodeManifest(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out := goldenArtifact{
		Name: name, ArtifactType: m.ArtifactType, Annotations: m.Annotations,
		Config: goldenDescriptor(m.Config), Subject: goldenDescriptor(m.Subject),
		Layers: []*goldenLayer{}, Manifest: goldenBlocks([]dag.Block{b})[0], Digest: b.CID.Digest.String(),
	}
	for k, v := range m.Ext {
		if out.Ext == nil {
			out.Ext = map[string]string{}
		}
		out.Ext[k] = hex.EncodeToString(v)
	}
	var inOrder []dag.Descriptor
	err = read.Layers(t.Context(), blocks, "", func(d dag.Descriptor) error {
		inOrder = append(inOrder, d)
		out.Layers = append(out.Layers, goldenDescriptor(&d))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if read.OCI != nil && m.OCI == nil {
		json := blocks.blocks[read.OCI.Root].Data
		if again, ok := dag.DeriveOCI(read, inOrder); !ok || !bytes.Equal(again, json) {
			t.Errorf("%s: the OCI manifest of what was read is another", name)
		}
		out.OCI = string(json)
		out.OCISHA256 = hex.EncodeToString(read.OCI.Digests["sha256"])
	}
	return out
}

// goldenPages describes a paged manifest of n files.
func goldenPages(t *testing.T, n int) map[string]any {
	t.Helper()
	m := newMemory()
	content := m.store("content")
	b := dag.NewManifestBuilder(dag.Manifest{}, m.Put)
	for i := range n {
		if err := b.Add(dag.FileLayer(fmt.Sprintf("f%08d", i), 0o644, content)); err != nil {
			t.Fatal(err)
		}
	}
	block, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, c := range closure(t, m, block)[1] {
		pages = append(pages, c.String())
	}
	return map[string]any{"files": n, "pages": pages, "cid": block.CID.String(), "oci_derived": len(m.put) > len(pages)+1}
}
