package evidence

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tegwick/artifact-store/dag"
)

// Names of members. The logs are called by what they are, since a namespace
// may have any name, and one that is too long for a tar's.
const (
	nameLayout     = "oci-layout"
	nameIndex      = "index.json"
	nameManifest   = "manifest.cbor"
	nameEvidence   = "evidence.json"
	dirBlobs       = "blobs/"
	dirSHA256      = dirBlobs + "sha256/"
	dirBlake3      = dirBlobs + "blake3/"
	dirPages       = "pages/"
	dirReferrers   = "referrers/"
	dirNode        = "log/node/"
	dirNamespace   = "log/namespace/"
	dirPolicy      = "policy/"
	nameCheckpoint = "checkpoint" // in a log's directory
	nameLeaves     = "leaves"     // in the node's
	suffixEntry    = ".entry"
	suffixProof    = ".proof"
	suffixJSON     = ".json"
)

// blobName returns where content with this descriptor stands: by its sha256,
// as in an OCI image layout, or by its blake3 where it has no other digest.
// "" is content that only a tree of chunks can prove, which a tar does not
// have.
func blobName(d dag.Descriptor) string {
	if h := d.Digest("sha256"); h != nil {
		return dirSHA256 + hex.EncodeToString(h)
	}
	if h := d.Digest("blake3"); h != nil {
		return dirBlake3 + hex.EncodeToString(h)
	}
	return ""
}

func pageName(c dag.CID) string { return dirPages + c.String() }

func referrerName(d dag.Digest) string { return dirReferrers + hex.EncodeToString(d[:]) + "/" }

func bundleName(d dag.Digest, n int) string {
	return referrerName(d) + strconv.Itoa(n) + suffixJSON
}

func numbered(dir string, n uint64, suffix string) string {
	return dir + strconv.FormatUint(n, 10) + suffix
}

// number reads what [numbered] wrote.
func number(name, dir, suffix string) (uint64, bool) {
	s, ok := strings.CutPrefix(name, dir)
	if !ok {
		return 0, false
	}
	if s, ok = strings.CutSuffix(s, suffix); !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return n, err == nil && numbered(dir, n, suffix) == name
}
