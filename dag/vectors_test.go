package dag_test

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// refusal is a block that no reader may take for a manifest.
type refusal struct {
	Reason string `json:"reason"`
	Hex    string `json:"hex"`
}

func TestManifestsAreFrozen(t *testing.T) {
	m := newMemory()
	a, b := m.file("a"), m.file("b")
	nothing := artifact(t, "nothing at all", dag.Manifest{})
	subject, err := dag.NewSubject(blockOf(t, nothing))
	if err != nil {
		t.Fatal(err)
	}
	config := a
	config.MediaType, config.Annotations = "application/vnd.acme.run.v1+json", nil
	unhashed := b
	unhashed.Digests = nil
	unnamed := a
	unnamed.Annotations = nil
	sealed := b
	sealed.Seal = encode(t, fields{"mode": "tenant"}).Data

	file := struct {
		About  string           `json:"about"`
		Cases  []goldenArtifact `json:"cases"`
		Paged  map[string]any   `json:"paged"`
		Refuse []refusal        `json:"refuse"`
	}{
		About: "Manifests. layers are in path order, ext is hex of CBOR, oci is the text of the OCI manifest that the manifest links. paged is a manifest of so many files f00000000, f00000001, ... of seven bytes each ('content'), with the CIDs of its pages. refuse are blocks that are canonical CBOR and no manifest that version 1 may read.",
		Cases: []goldenArtifact{
			nothing,
			artifact(t, "one file", dag.Manifest{ArtifactType: "application/vnd.acme.report.v1"}, a),
			artifact(t, "a tree", dag.Manifest{}, a,
				dag.DirectoryLayer("dir", 0o700), dag.DirectoryLayer("dir/empty", 0o755),
				dag.FileLayer("dir/run", 0o755, m.store("run")), dag.SymlinkLayer("dir/up", "../a"),
				dag.FileLayer("dir-2", 0o644, dag.EmptyBlob()), dag.FileLayer("\xff", 0o600, m.store("raw")),
				dag.SymlinkLayer("link", "e\u0301")),
			artifact(t, "layers without paths keep their order", dag.Manifest{}, b, unnamed, unnamed),
			artifact(t, "config, subject, annotations, ext", dag.Manifest{
				ArtifactType: "application/vnd.acme.run.v1", Config: &config, Subject: &subject,
				Annotations: map[string]string{"acme.site": "Île-de-France", "z": ""},
				Ext:         map[string]dag.RawCBOR{"acme": encode(t, []any{1, true, []byte{0}}).Data},
			}, b),
			artifact(t, "no sha256, so no OCI manifest", dag.Manifest{}, unhashed),
			artifact(t, "sealed, so no OCI manifest", dag.Manifest{}, sealed),
		},
		Paged: goldenPages(t, 6000),
	}
	for _, c := range []struct {
		reason string
		from   fields
	}{
		{"crit names a feature that is not known", with(with(plain(), "crit", []string{"residency"}), "ext", fields{"residency": "eu"})},
		{"version 2", with(plain(), "v", 2)},
		{"version 0", with(plain(), "v", 0)},
		{"a field that is not known", with(plain(), "colour", "blue")},
		{"no media type", with(plain(), "mediaType", nil)},
		{"another media type", with(plain(), "mediaType", "text/plain")},
		{"layers that are present and empty", with(plain(), "layers", []any{})},
		{"two layers at one path", with(plain(), "layers", []any{rawLayer(a), rawLayer(a)})},
		{"layers out of order", with(plain(), "layers", []any{rawLayer(b), rawLayer(a)})},
		{"a layer beneath a file", with(plain(), "layers", []any{rawLayer(a), rawLayer(m.file("a/b"))})},
		{"a path that leads up", with(plain(), "layers", []any{rawLayer(m.file("../a"))})},
		{"a subject that is linked", with(plain(), "subject", rawLayer(a))},
	} {
		block := encode(t, c.from)
		if _, err := dag.DecodeManifest(block); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.reason, err)
		}
		file.Refuse = append(file.Refuse, refusal{c.reason, goldenBlocks([]dag.Block{block})[0].Hex})
	}
	golden(t, "manifest.json", file)
}

// blockOf returns the block of a golden artifact.
func blockOf(t *testing.T, a goldenArtifact) dag.Block {
	return dag.NewBlock(dag.Cbor, []byte(fromHex(t, a.Manifest.Hex)))
}

// rawLayer is a descriptor as a map, which nothing checks.
func rawLayer(d dag.Descriptor) fields {
	return fields{"mediaType": d.MediaType, "size": d.Size, "root": d.Root, "digests": d.Digests, "annotations": d.Annotations}
}

func TestOCIManifestsAreFrozen(t *testing.T) {
	m := newMemory()
	a := m.file("a")
	config := a
	config.MediaType, config.Annotations = "application/vnd.oci.image.config.v1+json", nil
	native, err := dag.NewSubject(blockOf(t, artifact(t, "subject", dag.Manifest{ArtifactType: "application/vnd.acme.report.v1"}, a)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("pushed by another"))
	foreign := dag.Descriptor{MediaType: dag.TypeOCIManifest, Size: 17, Digests: dag.Digests{"sha256": sum[:]}}
	odd := m.file("quote\" back\\slash <&> \u2028 \U0001F600 \x01 \x7f \b\f\n\r\t /x")
	file := struct {
		About string           `json:"about"`
		Cases []goldenArtifact `json:"cases"`
	}{
		About: "OCI manifests that are derived: oci is the exact text, oci_sha256 the SHA-256 of its UTF-8 bytes.",
		Cases: []goldenArtifact{
			artifact(t, "nothing at all", dag.Manifest{}),
			artifact(t, "a type and no layers", dag.Manifest{ArtifactType: "application/vnd.acme.claim.v1"}),
			artifact(t, "a config and no type", dag.Manifest{Config: &config}, a),
			artifact(t, "subject is one of ours", dag.Manifest{ArtifactType: "a/b", Subject: &native}, a),
			artifact(t, "subject is a pushed OCI manifest", dag.Manifest{ArtifactType: "a/b", Subject: &foreign}, a),
			artifact(t, "directories and symlinks have no title", dag.Manifest{},
				dag.DirectoryLayer("d", 0o755), dag.SymlinkLayer("d/s", "t"), dag.SymlinkLayer("\xff", "t")),
			artifact(t, "what JSON must escape, and what it need not", dag.Manifest{}, odd),
			artifact(t, "keys in the order of UTF-16", dag.Manifest{Annotations: map[string]string{
				"\U0001F600": "a surrogate pair, d83d de00", "\ufffd": "fffd", "é": "e9", "a": "61", "B": "42", "": "first",
			}}),
		},
	}
	for _, c := range file.Cases {
		if !json.Valid([]byte(c.OCI)) || strings.HasSuffix(c.OCI, "\n") {
			t.Errorf("%s: %q", c.Name, c.OCI)
		}
	}
	golden(t, "oci.json", file)
}
