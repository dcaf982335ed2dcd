package evidence

import (
	"context"
	"encoding/hex"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// blob is content that an artifact names.
type blob struct {
	size int64
	root dag.CID // zero: the OCI empty descriptor's
}

const opContent = "list content"

// content returns the blobs of an artifact by the names of their members: its
// config, layers and OCI manifest. g has the pages of layers; all of them are
// read.
//
// Content without a whole-content digest, or sealed, is [fault.Invalid]: no
// one could verify it in a package.
func content(ctx context.Context, m *dag.Manifest, g dag.Getter) (map[string]blob, error) {
	l := contentList{}
	if m.Config != nil {
		if err := l.add(*m.Config); err != nil {
			return nil, err
		}
	}
	if err := m.Layers(ctx, g, "", l.add); err != nil {
		return nil, err
	}
	if m.OCI != nil {
		if err := l.add(*m.OCI); err != nil {
			return nil, err
		}
		if m.Config == nil || m.Count() == 0 {
			l[dirSHA256+emptySHA256] = blob{size: int64(len(dag.OCIEmpty))}
		}
	}
	return l, nil
}

// emptySHA256 is the hash of [dag.OCIEmpty] (OCI image-spec 1.1).
const emptySHA256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

type contentList map[string]blob

func (l contentList) add(d dag.Descriptor) error {
	name := blobName(d)
	bad := func(kind fault.Kind, format string, args ...any) error {
		at, _ := d.Path()
		return fault.Hint(fault.New(kind, opContent, at, format, args...), "export it without content")
	}
	size := int64(d.Size)
	switch had, ok := l[name]; {
	case d.Seal != nil:
		return bad(fault.Invalid, "the content is sealed, and what is in the package could not be verified")
	case name == "":
		return bad(fault.Invalid, "the content has no digest of the whole, so that it could not be verified in a package")
	case ok && had.size != size:
		return bad(fault.Invalid, "the manifest gives content of one digest %d bytes and %d bytes", had.size, size)
	case len(l) >= MaxMembers:
		return bad(fault.TooLarge, "the artifact has more than %d blobs", MaxMembers)
	}
	l[name] = blob{size: size, root: d.Root}
	return nil
}

// layoutFile is the content of oci-layout (OCI image-spec 1.1, "image
// layout").
const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

// ociIndex is index.json: one manifest, or none where the artifact has no OCI
// manifest. Fields stand in the order of RFC 8785.
type ociIndex struct {
	Manifests     []ociDescriptor `json:"manifests"`
	MediaType     string          `json:"mediaType"`
	SchemaVersion int             `json:"schemaVersion"`
}

type ociDescriptor struct {
	Annotations  map[string]string `json:"annotations,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Digest       string            `json:"digest"`
	MediaType    string            `json:"mediaType"`
	Size         uint64            `json:"size"`
}

// Of the OCI image specification 1.1.
const (
	typeOCIIndex      = "application/vnd.oci.image.index.v1+json"
	annotationRefName = "org.opencontainers.image.ref.name"
)

// indexFile returns index.json for an artifact and the tag that it is exported
// by, "" for none.
func indexFile(m *dag.Manifest, tag string) ([]byte, error) {
	index := ociIndex{Manifests: []ociDescriptor{}, MediaType: typeOCIIndex, SchemaVersion: 2}
	if m.OCI != nil {
		d := ociDescriptor{
			ArtifactType: m.ArtifactType, Digest: "sha256:" + hex.EncodeToString(m.OCI.Digests["sha256"]),
			MediaType: m.OCI.MediaType, Size: m.OCI.Size,
		}
		if tag != "" {
			d.Annotations = map[string]string{annotationRefName: tag}
		}
		index.Manifests = append(index.Manifests, d)
	}
	return encodeJSON(index, "")
}
