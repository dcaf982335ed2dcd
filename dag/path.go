package dag

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Annotations by which a layer says what it is in a file tree. A path or
// target that is not NFC UTF-8 is percent-encoded in its annotation, to be
// read by people, and held as base64 in the -bytes one, to be used.
const (
	AnnotationPath      = "org.opencontainers.image.title"
	AnnotationPathBytes = "vnd.artifact-store.path-bytes"
	AnnotationMode      = "vnd.artifact-store.mode" // four octal digits; absent means 0644, of a directory 0755
	AnnotationLink      = "vnd.artifact-store.link"
	AnnotationLinkBytes = "vnd.artifact-store.link-bytes"
)

// Permissions that are not written out.
const (
	fileMode      = 0o644
	directoryMode = 0o755
)

// ValidatePath accepts a relative path of slash-separated elements, at most
// [MaxPath] bytes. A leading slash, an empty, "." or ".." element or a NUL is
// [fault.Invalid]. The bytes need not be UTF-8.
func ValidatePath(path string) error {
	bad := func(why string) error {
		return fault.New(fault.Invalid, "check path", fmt.Sprintf("%.200q", path), "%s", why)
	}
	switch {
	case path == "":
		return bad("it is empty")
	case len(path) > MaxPath:
		return bad(fmt.Sprintf("%d bytes are more than %d", len(path), MaxPath))
	case path[0] == '/':
		return bad("it is absolute")
	case strings.IndexByte(path, 0) >= 0:
		return bad("it has a NUL byte")
	}
	for element := range strings.SplitSeq(path, "/") {
		switch element {
		case "":
			return bad("it has an empty element")
		case ".", "..":
			return bad("it has the element " + element)
		}
	}
	return nil
}

// ComparePaths orders paths element by element, elements by their bytes, so
// that a directory is followed by all that it holds: "a", "a/b", "a-b". A walk
// that sorts each directory's names meets paths in this order.
func ComparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			switch {
			case a[i] == '/':
				return -1
			case b[i] == '/':
				return 1
			}
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}

// PathAnnotations sets in ann what says that a layer's path is raw.
func PathAnnotations(raw string, ann map[string]string) {
	setText(ann, AnnotationPath, AnnotationPathBytes, raw)
}

// LinkAnnotations sets in ann what says that a symlink's target is raw.
func LinkAnnotations(raw string, ann map[string]string) {
	setText(ann, AnnotationLink, AnnotationLinkBytes, raw)
}

// modeAnnotation sets the permission bits in ann unless they are standard.
func modeAnnotation(mode, standard uint32, ann map[string]string) {
	if mode &= 0o777; mode != standard {
		ann[AnnotationMode] = fmt.Sprintf("%04o", mode)
	}
}

// Path returns the layer's path, "" where it has none. A path that
// [ValidatePath] refuses, or that is not encoded as [PathAnnotations] does,
// is [fault.Invalid].
func (d Descriptor) Path() (string, error) {
	if d.Annotations[AnnotationPath] == "" && d.Annotations[AnnotationPathBytes] == "" {
		return "", nil
	}
	path, err := text(d.Annotations, AnnotationPath, AnnotationPathBytes)
	if err != nil {
		return "", err
	}
	return path, ValidatePath(path)
}

// Mode returns the permission bits (0o777) of the file or directory.
// Anything but four octal digits up to 0777 is [fault.Invalid].
func (d Descriptor) Mode() (uint32, error) {
	s, ok := d.Annotations[AnnotationMode]
	switch {
	case !ok && d.MediaType == TypeDirectory:
		return directoryMode, nil
	case !ok:
		return fileMode, nil
	case !octal.MatchString(s):
		return 0, fault.New(fault.Invalid, "read mode", d.Annotations[AnnotationPath], "%.20q is not like 0644", s)
	}
	mode, err := strconv.ParseUint(s, 8, 32)
	return uint32(mode), err
}

var octal = regexp.MustCompile(`^0[0-7]{3}$`)

// LinkTarget returns where the symlink points: any bytes but NUL, at most
// [MaxPath]. It may be absolute or lead out of the tree; whoever restores it
// must not follow it. A layer that is no symlink, or a target that is not well
// formed, is [fault.Invalid].
func (d Descriptor) LinkTarget() (string, error) {
	bad := func(why string) (string, error) {
		return "", fault.New(fault.Invalid, "read link target", d.Annotations[AnnotationPath], "%s", why)
	}
	if d.MediaType != TypeSymlink {
		return bad("the layer is not a symlink")
	}
	target, err := text(d.Annotations, AnnotationLink, AnnotationLinkBytes)
	switch {
	case err != nil:
		return "", err
	case target == "":
		return bad("the symlink has no target")
	case len(target) > MaxPath || strings.IndexByte(target, 0) >= 0:
		return bad("the target is too long or has a NUL byte")
	}
	return target, nil
}

// setText stores raw under key, or its escaped form with the bytes beside it.
func setText(ann map[string]string, key, bytesKey, raw string) {
	delete(ann, bytesKey)
	if dagcbor.ValidText(raw) {
		ann[key] = raw
		return
	}
	ann[key] = escape(raw)
	ann[bytesKey] = base64.StdEncoding.EncodeToString([]byte(raw))
}

// text is the inverse of setText, and accepts nothing else: two encodings of
// one name could be two layers at one path.
func text(ann map[string]string, key, bytesKey string) (string, error) {
	shown := ann[key]
	encoded, ok := ann[bytesKey]
	if !ok {
		return shown, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "read annotation", bytesKey, err)
	}
	if dagcbor.ValidText(string(raw)) || escape(string(raw)) != shown {
		return "", fault.New(fault.Invalid, "read annotation", bytesKey, "it is not what %s shows", key)
	}
	return string(raw), nil
}

// escape percent-encodes (RFC 3986) every byte that is not printable ASCII,
// and the percent sign.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
