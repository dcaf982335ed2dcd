package dag

import (
	"crypto/sha256"
	"slices"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// ManifestBuilder writes a manifest from layers given in path order. It holds
// a few times [MaxNode], an OCI manifest of at most [MaxOCIManifest], and a few
// hundred bytes for each page of layers (about 50 KiB of them).
type ManifestBuilder struct {
	m      Manifest
	put    func(Block) error
	order  sequence
	oci    *ociWriter // nil where the OCI manifest is given
	inline []RawCBOR  // the layers, encoded, while they may still stand in the manifest
	size   int        // of inline, bytes
	paged  bool       // they cannot: inline and pending are of no use any more
	cut    cutter
	pages  []page  // refers to those that are cut
	held   []Block // pages that are not put until it is known that pages are needed
	err    error   // the first error, which ends the build
}

const opBuildManifest = "build manifest"

// NewManifestBuilder begins a manifest with m's fields but its layers. put is
// called for each block that the builder makes, children first: pages, the OCI
// manifest, and last the manifest. It owns the block. What the descriptors
// link the caller has stored or will. Not safe for concurrent use.
//
// Where m.OCI is nil the OCI manifest is derived and linked, if there is one
// (see [DeriveOCI]).
func NewManifestBuilder(m Manifest, put func(Block) error) *ManifestBuilder {
	b := &ManifestBuilder{m: m, put: put}
	b.cut.emit = b.page
	if m.OCI == nil {
		b.oci = newOCIWriter(&b.m)
	}
	return b
}

// Add appends a layer. Layers without a path come first, in an order that is
// theirs; then those with one, each after the one before it by
// [ComparePaths]. A layer out of order, at the path of another, or beneath one
// that is not a directory is [fault.Invalid]; one that takes more than
// [MaxDescriptor], or is one of more than [MaxUnnamed] without a path, is
// [fault.TooLarge]. An error of put is returned as it is.
// An error ends the build.
func (b *ManifestBuilder) Add(d Descriptor) error {
	if b.err == nil {
		b.err = b.add(d)
	}
	return b.err
}

func (b *ManifestBuilder) add(d Descriptor) error {
	path, err := b.order.next(opBuildManifest, d)
	if err != nil {
		return err
	}
	entry, err := dagcbor.Marshal(d)
	if err != nil {
		return fault.Wrap(fault.Other, opBuildManifest, quote(path), err)
	}
	if len(entry) > MaxDescriptor {
		return fault.New(fault.TooLarge, opBuildManifest, quote(path), "the descriptor takes %d bytes of at most %d", len(entry), MaxDescriptor)
	}
	if b.oci != nil {
		b.oci.layer(d)
	}
	if !b.paged {
		b.inline = append(b.inline, entry)
		b.size += len(entry)
		if b.size > MaxNode {
			if err := b.goPaged(); err != nil {
				return err
			}
		}
	}
	return b.cut.add(entry, 1, path)
}

// goPaged gives up on inline layers.
func (b *ManifestBuilder) goPaged() error {
	held := b.held
	b.paged, b.inline, b.held = true, nil, nil
	for _, block := range held {
		if err := b.put(block); err != nil {
			return err
		}
	}
	return nil
}

// page makes a block of layers. While they may still stand in the manifest it
// is held back.
func (b *ManifestBuilder) page(entries []RawCBOR, count uint64, first string) error {
	block, err := encodeNode(opBuildManifest, pageNode[RawCBOR, RawCBOR]{header: header{version}, Layers: entries})
	if err != nil {
		return err
	}
	b.pages = append(b.pages, page{Link: block.CID, Count: count, First: []byte(first)})
	if !b.paged {
		b.held = append(b.held, block)
		return nil
	}
	return b.put(block)
}

// Finish puts what is left and returns the manifest's block, which it has put
// too; its digest is the artifact's. A manifest whose own fields are over
// [MaxNode] is [fault.TooLarge]. The builder is of no use afterwards.
func (b *ManifestBuilder) Finish() (Block, error) {
	if b.err != nil {
		return Block{}, b.err
	}
	b.err = fault.New(fault.Invalid, opBuildManifest, "", "it is finished already")
	if err := b.m.check(opBuildManifest); err != nil {
		return Block{}, err
	}
	if err := b.cut.flush(); err != nil {
		return Block{}, err
	}
	if err := b.linkOCI(); err != nil {
		return Block{}, err
	}
	// Without its layers it must fit, or no paging helps.
	if _, err := encodeNode(opBuildManifest, b.m.node(nil, nil)); err != nil {
		return Block{}, err
	}
	block, err := b.encode()
	if err != nil {
		return Block{}, err
	}
	return block, b.put(block)
}

// linkOCI puts the derived OCI manifest, where there is one.
func (b *ManifestBuilder) linkOCI() error {
	if b.oci == nil {
		return nil
	}
	json, ok := b.oci.finish()
	if !ok {
		return nil
	}
	sum := sha256.Sum256(json)
	block := NewBlock(Raw, json)
	b.m.OCI = &Descriptor{
		MediaType: TypeOCIManifest, Size: uint64(len(json)),
		Digests: Digests{"sha256": sum[:]}, Root: block.CID,
	}
	return b.put(block)
}

// encode finds the first form that fits: layers inline, then one level of
// pages, then more.
func (b *ManifestBuilder) encode() (Block, error) {
	if !b.paged {
		block, err := encodeNode(opBuildManifest, b.m.node(b.inline, nil))
		if !fault.Is(err, fault.TooLarge) {
			return block, err
		}
		if err := b.goPaged(); err != nil {
			return Block{}, err
		}
	}
	for depth := 1; ; depth++ {
		block, err := encodeNode(opBuildManifest, b.m.node(nil, b.pages))
		if depth == MaxPageDepth || !fault.Is(err, fault.TooLarge) {
			return block, err
		}
		if b.pages, err = pagePages(b.pages, b.put); err != nil {
			return Block{}, err
		}
	}
}

// BuildManifest is [ManifestBuilder] for layers in any order, which it does
// not change. Layers without a path keep their order.
func BuildManifest(m Manifest, layers []Descriptor, put func(Block) error) (Block, error) {
	type pathed struct {
		path  string
		layer int
	}
	order := make([]pathed, len(layers))
	for i, d := range layers {
		path, err := d.Path()
		if err != nil {
			return Block{}, fault.Wrap(fault.Other, opBuildManifest, "", err)
		}
		order[i] = pathed{path, i}
	}
	slices.SortStableFunc(order, func(a, b pathed) int { return ComparePaths(a.path, b.path) })
	b := NewManifestBuilder(m, put)
	for _, o := range order {
		if err := b.Add(layers[o.layer]); err != nil {
			return Block{}, err
		}
	}
	return b.Finish()
}
