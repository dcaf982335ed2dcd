package dag

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Manifest names what an artifact is made of. Its layers are read with
// [Manifest.Layers] and written by [ManifestBuilder]: there may be more of
// them than fit in memory.
type Manifest struct {
	ArtifactType string             // a media type; may be empty
	Config       *Descriptor        // typed metadata; its media type names the schema
	Subject      *Descriptor        // the artifact that this one refers to (see [NewSubject]); has no root
	Annotations  map[string]string  // signed facts about the whole
	OCI          *Descriptor        // the exact OCI manifest, a raw block; nil where there is none
	Ext          map[string]RawCBOR // fields unknown here, kept verbatim

	layers []Descriptor // inline, or
	pages  []page       // paged
}

// manifestNode is a manifest's block; L is [RawCBOR] to write it and
// [Descriptor] to read it.
type manifestNode[L any] struct {
	header
	MediaType    string             `cbor:"mediaType"`
	ArtifactType string             `cbor:"artifactType,omitempty"`
	Config       *Descriptor        `cbor:"config,omitempty"`
	Layers       []L                `cbor:"layers,omitempty"`
	Pages        []page             `cbor:"pages,omitempty"`
	Subject      *Descriptor        `cbor:"subject,omitempty"`
	Annotations  map[string]string  `cbor:"annotations,omitempty"`
	OCI          *Descriptor        `cbor:"oci,omitempty"`
	Ext          map[string]RawCBOR `cbor:"ext,omitempty"`
	Crit         []string           `cbor:"crit,omitempty"` // names in ext that a reader must know; none is known yet
}

// Annotations of a subject that say what its OCI manifest is, as OCI manifests
// refer to each other by those.
const (
	annotationSubjectType   = "vnd.artifact-store.oci-type"
	annotationSubjectDigest = "vnd.artifact-store.oci-digest"
	annotationSubjectSize   = "vnd.artifact-store.oci-size"
)

const opDecodeManifest = "decode manifest"

// DecodeManifest reads a manifest. What is not well formed, of a version above
// 1 or in need of a feature unknown here is [fault.Invalid].
func DecodeManifest(b Block) (*Manifest, error) {
	var n manifestNode[Descriptor]
	if err := decodeNode(opDecodeManifest, b, &n); err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, opDecodeManifest, b.CID.String(), format, args...)
	}
	switch {
	case n.MediaType != TypeManifest:
		return nil, bad("the media type is %.100q, not %s", n.MediaType, TypeManifest)
	case len(n.Crit) > 0:
		return nil, newer(bad("it needs the feature %.100q, which this version does not know", n.Crit[0]))
	case len(n.Layers) > 0 && len(n.Pages) > 0:
		return nil, bad("it has both layers and pages")
	}
	m := &Manifest{
		ArtifactType: n.ArtifactType, Config: n.Config, Subject: n.Subject, Annotations: n.Annotations,
		OCI: n.OCI, Ext: n.Ext, layers: n.Layers, pages: n.Pages,
	}
	if err := m.check(opDecodeManifest); err != nil {
		return nil, err
	}
	var order sequence
	for _, d := range m.layers {
		if _, err := order.next(opDecodeManifest, d); err != nil {
			return nil, err
		}
	}
	return m, checkPages(opDecodeManifest, b.CID, m.pages)
}

// check looks at all but the layers.
func (m *Manifest) check(op string) error {
	bad := func(format string, args ...any) error { return fault.New(fault.Invalid, op, "", format, args...) }
	if m.ArtifactType != "" && !mediaType.MatchString(m.ArtifactType) {
		return bad("the artifact type %.100q is not a media type", m.ArtifactType)
	}
	if m.Config != nil {
		if err := m.Config.check(op, true); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	if m.Subject != nil {
		if err := m.Subject.check(op, false); err != nil {
			return fmt.Errorf("subject: %w", err)
		}
	}
	if m.OCI == nil {
		return nil
	}
	if err := m.OCI.check(op, true); err != nil {
		return fmt.Errorf("oci: %w", err)
	}
	if m.OCI.Root.Codec != Raw || len(m.OCI.Digests["sha256"]) == 0 {
		return bad("the OCI manifest is not a raw block with a sha256")
	}
	return nil
}

// Count returns the number of layers.
func (m *Manifest) Count() uint64 {
	n := uint64(len(m.layers))
	for _, p := range m.pages {
		n += p.Count
	}
	return n
}

// node returns what is encoded of m, with the given layers or pages.
func (m *Manifest) node(layers []RawCBOR, pages []page) manifestNode[RawCBOR] {
	return manifestNode[RawCBOR]{
		header: header{version}, MediaType: TypeManifest, ArtifactType: m.ArtifactType,
		Config: m.Config, Layers: layers, Pages: pages, Subject: m.Subject,
		Annotations: m.Annotations, OCI: m.OCI, Ext: m.Ext,
	}
}

// NewSubject describes the artifact with manifest block b as the subject of
// another. It has no root: a referrer does not keep its subject alive. Errors
// as [DecodeManifest].
func NewSubject(b Block) (Descriptor, error) {
	m, err := DecodeManifest(b)
	if err != nil {
		return Descriptor{}, err
	}
	d := Descriptor{
		MediaType: TypeManifest,
		Size:      uint64(len(b.Data)),
		Digests:   Digests{"blake3": slices.Clone(b.CID.Digest[:])},
	}
	if m.OCI != nil {
		d.Annotations = map[string]string{
			annotationSubjectType:   m.OCI.MediaType,
			annotationSubjectDigest: ociDigest(m.OCI.Digests),
			annotationSubjectSize:   strconv.FormatUint(m.OCI.Size, 10),
		}
	}
	return d, nil
}
