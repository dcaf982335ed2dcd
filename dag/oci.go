package dag

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Media types of the OCI image specification 1.1.
const (
	TypeOCIManifest = "application/vnd.oci.image.manifest.v1+json"
	TypeOCIEmpty    = "application/vnd.oci.empty.v1+json"
	// typeOCIUnknown is the artifact type of one that has neither a type nor a
	// config, which the specification does not allow to have none.
	typeOCIUnknown = "application/vnd.unknown.artifact.v1"
)

// OCIEmpty is the content of the OCI empty descriptor (image-spec 1.1,
// "Guidance for an Empty Descriptor"), which stands for the config or the
// layers that an artifact has not. No manifest links it.
const OCIEmpty = "{}"

// ociEmptyDigest is the SHA-256 of [OCIEmpty], as the specification gives it.
const ociEmptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

// AnnotationOCIPath holds the path of a directory or symlink in an OCI
// manifest, in place of [AnnotationPath]: OCI clients write each layer that
// has a title to a file of that name.
const AnnotationOCIPath = "vnd.artifact-store.path"

// maxExact is the largest integer that every JSON reader keeps (RFC 8785).
const maxExact = 1<<53 - 1

// DeriveOCI returns the OCI image manifest of an artifact: the RFC 8785
// (canonical JSON) form of a manifest as of image-spec 1.1, so that its bytes
// are the same for ever. Layers are in path order. ok is false where there is
// none: it would be over [MaxOCIManifest], content has no sha256, or the
// subject has no OCI manifest.
func DeriveOCI(m *Manifest, layers []Descriptor) (json []byte, ok bool) {
	w := newOCIWriter(m)
	for _, d := range layers {
		w.layer(d)
	}
	return w.finish()
}

// ociWriter writes an OCI manifest layer by layer. RFC 8785 sorts the members,
// so what stands before the layers is known before the first of them.
type ociWriter struct {
	subject *Descriptor
	buf     []byte
	layers  int
	failed  bool // there is no OCI manifest
}

func newOCIWriter(m *Manifest) *ociWriter {
	w := &ociWriter{subject: m.Subject}
	w.raw("{")
	if len(m.Annotations) > 0 {
		w.raw(`"annotations":`)
		w.object(m.Annotations)
		w.raw(",")
	}
	artifactType := m.ArtifactType
	if artifactType == "" && m.Config == nil {
		artifactType = typeOCIUnknown
	}
	if artifactType != "" {
		w.member("artifactType", artifactType)
		w.raw(",")
	}
	w.raw(`"config":`)
	if m.Config != nil {
		w.descriptor(*m.Config)
	} else {
		w.empty()
	}
	w.raw(`,"layers":[`)
	return w
}

// layer appends a layer.
func (w *ociWriter) layer(d Descriptor) {
	if w.failed {
		return
	}
	if w.layers++; w.layers > 1 {
		w.raw(",")
	}
	if _, titled := d.Annotations[AnnotationPath]; titled && (d.MediaType == TypeDirectory || d.MediaType == TypeSymlink) {
		d.Annotations = maps.Clone(d.Annotations)
		d.Annotations[AnnotationOCIPath] = d.Annotations[AnnotationPath]
		delete(d.Annotations, AnnotationPath)
	}
	w.descriptor(d)
}

// finish ends the manifest and returns it.
func (w *ociWriter) finish() (json []byte, ok bool) {
	if w.layers == 0 {
		w.empty()
	}
	w.raw(`],`)
	w.member("mediaType", TypeOCIManifest)
	w.raw(`,"schemaVersion":2`)
	if w.subject != nil {
		w.raw(`,"subject":`)
		w.subjectOf(*w.subject)
	}
	w.raw("}")
	return w.buf, !w.failed
}

// subjectOf writes a subject. OCI manifests refer to OCI manifests, so one of
// ours is written as what [NewSubject] says of its own.
func (w *ociWriter) subjectOf(d Descriptor) {
	if d.MediaType != TypeManifest {
		w.descriptor(d)
		return
	}
	digest := d.Annotations[annotationSubjectDigest]
	size, err := strconv.ParseUint(d.Annotations[annotationSubjectSize], 10, 63)
	sum, hexErr := hex.DecodeString(digest[min(len(digest), len("sha256:")):])
	if err != nil || hexErr != nil || ociDigest(Digests{"sha256": sum}) != digest || len(sum) != 32 {
		w.fail()
		return
	}
	w.descriptor(Descriptor{
		MediaType: d.Annotations[annotationSubjectType], Size: size, Digests: Digests{"sha256": sum},
	})
}

func (w *ociWriter) descriptor(d Descriptor) {
	if len(d.Digests["sha256"]) == 0 || d.Size > maxExact || d.Seal != nil {
		w.fail()
		return
	}
	w.raw("{")
	if len(d.Annotations) > 0 {
		w.raw(`"annotations":`)
		w.object(d.Annotations)
		w.raw(",")
	}
	w.member("digest", ociDigest(d.Digests))
	w.raw(",")
	w.member("mediaType", d.MediaType)
	w.raw(`,"size":` + strconv.FormatUint(d.Size, 10) + "}")
}

// empty writes the empty descriptor, with its content.
func (w *ociWriter) empty() {
	w.raw("{")
	w.member("data", base64.StdEncoding.EncodeToString([]byte(OCIEmpty)))
	w.raw(",")
	w.member("digest", ociEmptyDigest)
	w.raw(",")
	w.member("mediaType", TypeOCIEmpty)
	w.raw(`,"size":2}`)
}

// object writes text members in the order of RFC 8785: by UTF-16 code units.
func (w *ociWriter) object(members map[string]string) {
	keys := slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
	for i, k := range keys {
		if i == 0 {
			w.raw("{")
		} else {
			w.raw(",")
		}
		w.member(k, members[k])
	}
	w.raw("}")
}

func (w *ociWriter) member(key, value string) {
	w.text(key)
	w.raw(":")
	w.text(value)
}

// text writes a string as RFC 8785 section 3.2.2.2 does: no escape that JSON
// does not require, and the short one where there is one.
func (w *ociWriter) text(s string) {
	if !utf8.ValidString(s) {
		w.fail()
	}
	if w.failed {
		return
	}
	b := append(w.buf, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			if c < 0x20 {
				b = fmt.Appendf(b, `\u%04x`, c)
			} else {
				b = append(b, c)
			}
		}
	}
	w.buf = b
	w.raw(`"`)
}

// raw appends s, and gives up on what is too large: nothing grows further.
func (w *ociWriter) raw(s string) {
	if len(w.buf)+len(s) > MaxOCIManifest {
		w.fail()
	}
	if !w.failed {
		w.buf = append(w.buf, s...)
	}
}

func (w *ociWriter) fail() { w.failed, w.buf = true, nil }

// ociDigest returns the sha256 as OCI writes it.
func ociDigest(d Digests) string { return "sha256:" + hex.EncodeToString(d["sha256"]) }
