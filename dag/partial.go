package dag

import (
	"encoding/hex"
	"strings"
)

// partialPrefix begins the name of a file that is not whole yet.
const partialPrefix = ".artifact-partial-"

// PartialName is what the file whose content has this digest is called in its
// directory until it is whole: ".artifact-partial-" and 16 hex digits.
func PartialName(root Digest) string { return partialPrefix + hex.EncodeToString(root[:8]) }

// IsPartialName reports whether name, the last element of a path, is kept for
// files that are not whole: it begins like a [PartialName], in any case, since
// some file systems do not tell one from the other. No artifact holds such a
// name, for it could not be written to disk beside the partial files.
func IsPartialName(name string) bool {
	return len(name) >= len(partialPrefix) && strings.EqualFold(name[:len(partialPrefix)], partialPrefix)
}
