package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// dossier is what the members of a package say, read.
type dossier struct {
	block       dag.Block // the manifest's
	manifest    *dag.Manifest
	content     bool
	node        eventlog.Checkpoint
	namespace   eventlog.Checkpoint
	reference   dag.Reference
	publication located
	tag         *located
	referrers   []referrer // in the order of their events
	epochs      []uint64   // of the policies, in order
}

// located is an event with its place in its log.
type located struct {
	eventlog.Event
	index uint64
}

func (e located) at() time.Time { return time.UnixMilli(e.Time).UTC() }

func (e located) report() Event { return Event{Kind: e.Kind, Index: e.index, Time: e.at()} }

// referrer is a signature or attestation with its bundles.
type referrer struct {
	block    dag.Block
	manifest *dag.Manifest
	bundles  [][]byte
	event    located
}

const opRelate = "relate events"

// relate finds what each event of the namespace's log says of the artifact:
// its publication, its tag, its referrers. It returns those that attached
// referrers. An event that says none of these, or publishes under another
// name, is [fault.Corrupt], and so is a package without a publication; the
// error names the entry.
func (c *dossier) relate(events []located) ([]located, error) {
	about := func(e located) bool { return e.Payload.Manifest != nil && *e.Payload.Manifest == c.block.CID }
	i := slices.IndexFunc(events, func(e located) bool { return about(e) && e.Kind == eventlog.ArtifactPublished })
	if i < 0 {
		return nil, fault.New(fault.Corrupt, opRelate, nameManifest, "no event in the package publishes %s", c.block.CID.Digest)
	}
	c.publication = events[i]
	var attached []located
	for at, e := range events {
		switch {
		case at == i:
		case e.Kind == eventlog.SignatureAttached && !about(e) && bytes.Equal(e.Payload.Subject, c.block.CID.Digest[:]):
			attached = append(attached, e) // in any repository: what is signed is the manifest, or a name in a claim
		case e.Payload.Repository != c.publication.Payload.Repository:
			return nil, notAbout(e, "it is about %s", e.Payload.Repository)
		case c.tag == nil && about(e) && e.Kind == eventlog.TagSet:
			c.tag = &e
		default:
			return nil, notAbout(e, "it says nothing that is needed of %s, %s", nameManifest, c.block.CID.Digest)
		}
	}
	return attached, c.refer()
}

// notAbout returns what is wrong with an event.
func notAbout(e located, format string, args ...any) error {
	return fault.New(fault.Corrupt, opRelate, numbered(dirNamespace, e.index, suffixEntry), format, args...)
}

// refer reads the manifest, now that the log is known to have published it, and
// sets the reference: by the tag where there is one.
func (c *dossier) refer() (err error) {
	if c.manifest, err = dag.DecodeManifest(c.block); err != nil {
		return fault.Wrap(fault.Other, opRelate, nameManifest, err)
	}
	p := c.publication.Payload
	if c.tag == nil && p.Tag != "" {
		c.tag = &c.publication
	}
	c.reference = dag.Reference{Repository: p.Repository, Digest: c.block.CID.Digest}
	if c.tag != nil {
		c.reference = dag.Reference{Repository: p.Repository, Tag: c.tag.Payload.Tag}
	}
	var subject []byte
	if s := c.manifest.Subject; s != nil {
		subject = s.Digest("blake3")
	}
	site, _, _ := strings.Cut(c.node.Origin, "/")
	switch {
	case p.ArtifactType != c.manifest.ArtifactType || !bytes.Equal(p.Subject, subject):
		return notAbout(c.publication, "it gives the artifact another type or subject than its manifest")
	case c.namespace.Origin != eventlog.NamespaceOrigin(site, c.reference.Namespace()):
		return fault.New(fault.Corrupt, opRelate, dirNamespace+nameCheckpoint,
			"it is of the log %q, which is not that of the namespace %s at %s", c.namespace.Origin, c.reference.Namespace(), site)
	}
	return nil
}

// attach reads the referrer that was attached by e from its members, which
// take hands out.
func (c *dossier) attach(e located, take func(name string) ([]byte, bool)) (referrer, error) {
	r := referrer{event: e}
	if e.Payload.Manifest == nil {
		return r, notAbout(e, "it names no manifest")
	}
	name := referrerName(e.Payload.Manifest.Digest) + nameManifest
	data, ok := take(name)
	if !ok {
		return r, fault.New(fault.Corrupt, opRelate, name, "the member is missing")
	}
	var err error
	if r.block, err = dag.Check(*e.Payload.Manifest, data); err != nil {
		return r, fault.Wrap(fault.Corrupt, opRelate, name, err)
	}
	if r.manifest, err = dag.DecodeManifest(r.block); err != nil {
		return r, fault.Wrap(fault.Corrupt, opRelate, name, err)
	}
	s := r.manifest.Subject
	if s == nil || s.MediaType != dag.TypeManifest || s.Size != uint64(len(c.block.Data)) ||
		!bytes.Equal(s.Digest("blake3"), c.block.CID.Digest[:]) || r.manifest.ArtifactType != e.Payload.ArtifactType {
		return r, fault.New(fault.Corrupt, opRelate, name, "it refers to something else than %s, or is of another type than its event says", c.block.CID.Digest)
	}
	layers, err := bundleLayers(r.block, r.manifest)
	if err != nil {
		return r, err
	}
	for n, d := range layers {
		name := bundleName(r.block.CID.Digest, n)
		data, ok := take(name)
		if !ok || !isContent(d, data) {
			return r, fault.New(fault.Corrupt, opRelate, name, "it is missing, or not what the manifest beside it says")
		}
		r.bundles = append(r.bundles, data)
	}
	return r, nil
}

// bundleLayers returns the descriptors of a referrer's bundles.
func bundleLayers(b dag.Block, m *dag.Manifest) (layers []dag.Descriptor, err error) {
	if m.Count() > MaxBundles {
		return nil, fault.New(fault.TooLarge, opRelate, b.CID.Digest.String(), "%d bundles, where %d are the most of one referrer", m.Count(), MaxBundles)
	}
	err = m.Layers(context.Background(), noBlocks{}, "", func(d dag.Descriptor) error {
		if d.Size > MaxMember || blobName(d) == "" || d.Seal != nil {
			return fault.New(fault.TooLarge, opRelate, b.CID.Digest.String(), "a bundle of %d bytes, or without a digest, is none", d.Size)
		}
		layers = append(layers, d)
		return nil
	})
	return layers, err
}

// noBlocks has none: a referrer of at most [MaxBundles] bundles has no pages.
type noBlocks struct{}

func (noBlocks) Get(_ context.Context, c dag.CID) (dag.Block, error) {
	return dag.Block{}, fault.New(fault.NotFound, opRelate, c.String(), "the layers of a signature are not paged")
}

// isContent reports whether data is the content that d describes.
func isContent(d dag.Descriptor, data []byte) bool {
	sum := sha256.Sum256(data)
	hash := dag.Sum(data)
	ok := d.Size == uint64(len(data))
	if h := d.Digest("sha256"); h != nil {
		ok = ok && bytes.Equal(h, sum[:])
	}
	if h := d.Digest("blake3"); h != nil {
		ok = ok && bytes.Equal(h, hash[:])
	}
	return ok
}

// describe says in a report what the dossier is about.
func (c *dossier) describe(r *Report) {
	r.Reference, r.Manifest, r.ArtifactType = c.reference, c.block.CID, c.manifest.ArtifactType
	r.Publication = c.publication.report()
	if c.tag != nil {
		at := c.tag.report()
		r.Tag = &at
	}
	r.Logs = []Log{Log(c.node), Log(c.namespace)}
}
