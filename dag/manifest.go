package dag

import (
	"github.com/tegwick/artifact-store/dag/fault"
)

// Manifest names what an artifact is made of. Its layers are read with
// [Manifest.Layers] and written by [ManifestBuilder]: there may be more of
// them than fit in memory.
type Manifest struct {
	ArtifactType string
	Config       *Descriptor // typed metadata; its media type names the schema
	Subject      *Descriptor // the artifact that this one refers to (see [NewSubject]); has no root
	Annotations  map[string]string
	OCI          *Descriptor        // the exact OCI image manifest, a raw block; nil where there is none
	Ext          map[string]RawCBOR // fields unknown here, kept verbatim

	layers []Descriptor // inline, or
	pages  []page       // paged
}

// DecodeManifest reads a manifest. What is not well formed, of a version above
// 1 or in need of a feature unknown here is [fault.Invalid].
func DecodeManifest(b Block) (*Manifest, error) {
	return nil, fault.New(fault.Unavailable, "decode manifest", b.CID.String(), "not yet")
}

// Count returns the number of layers.
func (m *Manifest) Count() uint64 { return 0 }

// NewSubject describes the artifact with manifest block b as the subject of
// another. It has no root: a referrer does not keep its subject alive. Errors
// as [DecodeManifest].
func NewSubject(b Block) (Descriptor, error) {
	return Descriptor{}, fault.New(fault.Unavailable, "describe subject", b.CID.String(), "not yet")
}

// ManifestBuilder writes a manifest from layers given in path order. It holds
// about 3 [MaxNode], an OCI manifest of at most [MaxOCIManifest] and about 150
// bytes a page of layers, whatever their number.
type ManifestBuilder struct{}

// NewManifestBuilder begins a manifest with m's fields but its layers. put is
// called for each block that the manifest links and that the builder made
// (pages, the OCI manifest), children first and the manifest last; it owns the
// block. What the descriptors link the caller has stored or will.
//
// Where m.OCI is nil the OCI manifest is derived (see [DeriveOCI]) and linked.
func NewManifestBuilder(m Manifest, put func(Block) error) *ManifestBuilder {
	return &ManifestBuilder{}
}

// Add appends a layer. Layers without a path come first, in an order that is
// theirs; then those with one, each after the one before it by
// [ComparePaths]. A layer out of order, at the path of another, or beneath one
// that is not a directory is [fault.Invalid]; one that takes more than
// [MaxDescriptor] is [fault.TooLarge].
func (b *ManifestBuilder) Add(d Descriptor) error {
	return fault.New(fault.Unavailable, "build manifest", "", "not yet")
}

// Finish puts what is left and returns the manifest's block, which it has put
// too. The block's digest is the artifact's. A manifest whose own fields are
// over [MaxNode] is [fault.TooLarge].
func (b *ManifestBuilder) Finish() (Block, error) {
	return Block{}, fault.New(fault.Unavailable, "build manifest", "", "not yet")
}

// BuildManifest is [ManifestBuilder] for layers in any order, which it does
// not change. Layers without a path keep their order.
func BuildManifest(m Manifest, layers []Descriptor, put func(Block) error) (Block, error) {
	return Block{}, fault.New(fault.Unavailable, "build manifest", "", "not yet")
}
