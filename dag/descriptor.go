package dag

import (
	"maps"
	"math"
	"regexp"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Media types of this format.
const (
	// TypeManifest is the media type of an artifact's manifest.
	TypeManifest = "application/vnd.artifact-store.manifest.v1+cbor"
	// TypeFile is the media type of a layer that is a file of no known type.
	TypeFile = "application/octet-stream"
	// TypeDirectory is the media type of a layer that is a directory. Its
	// content is the empty blob.
	TypeDirectory = "application/vnd.artifact-store.directory"
	// TypeSymlink is the media type of a layer that is a symbolic link. Its
	// content is the empty blob, its target an annotation.
	TypeSymlink = "application/vnd.artifact-store.symlink"
)

// Digests are whole-content hashes by algorithm, as in "sha256" -> 32 bytes.
// The blake3 of a blob that is one chunk is not among them: its root says it.
type Digests map[string][]byte

// Descriptor says what a blob is and where to find it: the OCI descriptor with
// binary digests and a link.
type Descriptor struct {
	MediaType   string            `cbor:"mediaType"`
	Size        uint64            `cbor:"size"` // bytes of content
	Digests     Digests           `cbor:"digests,omitempty"`
	Root        CID               `cbor:"root,omitzero"` // zero where the descriptor must not keep the blob alive
	Annotations map[string]string `cbor:"annotations,omitempty"`
	Seal        RawCBOR           `cbor:"seal,omitzero"` // how the content is sealed, a map kept verbatim; nil where it is not
}

// FileLayer describes the regular file at path with the given permission bits
// (0o777) and content. Path may be any bytes; it is checked when the manifest
// is built.
func FileLayer(path string, mode uint32, content Blob) Descriptor {
	d := Descriptor{
		MediaType: TypeFile, Size: content.Size, Digests: maps.Clone(content.Digests),
		Root: content.Root, Annotations: make(map[string]string, 1),
	}
	PathAnnotations(path, d.Annotations)
	modeAnnotation(mode, fileMode, d.Annotations)
	return d
}

// DirectoryLayer describes the directory at path. See [FileLayer].
func DirectoryLayer(path string, mode uint32) Descriptor {
	d := FileLayer(path, fileMode, EmptyBlob())
	d.MediaType = TypeDirectory
	modeAnnotation(mode, directoryMode, d.Annotations)
	return d
}

// SymlinkLayer describes the symbolic link at path to target, which may be
// any bytes. See [FileLayer].
func SymlinkLayer(path, target string) Descriptor {
	d := FileLayer(path, fileMode, EmptyBlob())
	d.MediaType = TypeSymlink
	LinkAnnotations(target, d.Annotations)
	return d
}

// Digest returns the content's hash by algorithm, or nil where d does not say.
func (d Descriptor) Digest(algorithm string) []byte {
	if h, ok := d.Digests[algorithm]; ok {
		return h
	}
	if algorithm == "blake3" && d.Root.Codec == Raw {
		return d.Root.Digest[:]
	}
	return nil
}

// algorithmName and mediaType are the grammars of OCI image-spec
// (descriptor.md, "Digests") and RFC 6838 section 4.2.
var (
	algorithmName = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*$`)
	mediaType     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)
)

// check returns what is wrong with d, as [fault.Invalid]. A linked descriptor
// needs a root; any other must not have one, and needs a digest.
func (d Descriptor) check(op string, linked bool) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, op, d.Annotations[AnnotationPath], format, args...)
	}
	switch empty := d.Root == emptyRoot; {
	case !mediaType.MatchString(d.MediaType):
		return bad("%q is not a media type", d.MediaType)
	case d.Size > math.MaxInt64:
		return bad("a size of %d bytes is beyond 2^63-1", d.Size)
	case linked && d.Root.IsZero():
		return bad("the descriptor has no root")
	case !linked && !d.Root.IsZero():
		return bad("the descriptor links its content, which it must not keep alive")
	case !linked && len(d.Digests) == 0:
		return bad("the descriptor has neither a root nor a digest")
	case d.Root.Codec == Raw && (d.Size > MaxRaw || empty != (d.Size == 0)):
		return bad("a raw root cannot have %d bytes", d.Size)
	case d.Root.Codec == Cbor && d.Size == 0:
		return bad("a tree cannot be empty")
	case d.Root.Codec == Raw && d.Digests["blake3"] != nil:
		return bad("the blake3 of a single chunk is its root and is not repeated")
	case d.Seal != nil && !d.Seal.isMap():
		return bad("the seal is not a map")
	}
	return checkDigests(op, d.Digests)
}

// checkEntry returns the path of a layer that may stand in a file tree, or
// what is wrong with it as an entry there, as [fault.Invalid].
func (d Descriptor) checkEntry() (string, error) {
	path, err := d.Path()
	if err != nil {
		return "", err
	}
	if _, err := d.Mode(); err != nil {
		return "", err
	}
	if d.MediaType != TypeDirectory && d.MediaType != TypeSymlink {
		return path, nil
	}
	if path == "" || d.Root != emptyRoot {
		return "", fault.New(fault.Invalid, "check layer", quote(path), "a directory or symlink needs a path and has no content")
	}
	if d.MediaType == TypeSymlink {
		_, err = d.LinkTarget()
	}
	return path, err
}

// checkDigests holds digests to known lengths, and unknown ones to a sane one.
func checkDigests(op string, digests Digests) error {
	for name, h := range digests {
		want := len(h) > 0 && len(h) <= 64
		switch name {
		case "sha256", "blake3":
			want = len(h) == 32
		case "sha512":
			want = len(h) == 64
		}
		if !want || len(name) > 32 || !algorithmName.MatchString(name) {
			return fault.New(fault.Invalid, op, "", "digest %.40q of %d bytes is not well formed", name, len(h))
		}
	}
	return nil
}
