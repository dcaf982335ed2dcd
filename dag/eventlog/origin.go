package eventlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// An origin names a log (C2SP tlog-checkpoint), and is the name of the key that
// signs it: of a namespace site/namespace, of a node site/_node/fingerprint. No
// namespace begins with an underscore, so they never meet.

// maxSite is the longest site, in bytes (RFC 1035, section 3.1).
const maxSite = 253

// NodeOrigin returns the origin of a node's own log: that of the site, and the
// first 16 hex digits of the SHA-256 of the node's raw public key.
func NodeOrigin(site string, pub ed25519.PublicKey) string {
	return site + "/_node/" + fingerprint(pub)[:16]
}

// NamespaceOrigin returns the origin of a namespace's log.
func NamespaceOrigin(site, namespace string) string { return site + "/" + namespace }

// DefaultSite returns the site of a node that was given none: "site-" and 12
// hex digits of the SHA-256 of its raw public key.
func DefaultSite(pub ed25519.PublicKey) string { return "site-" + fingerprint(pub)[:12] }

func fingerprint(pub ed25519.PublicKey) string {
	sum := sha256.Sum256(pub)
	return hex.EncodeToString(sum[:])
}

// ValidateSite accepts a host name in lower case, as in example.org: labels of
// 1 to 63 letters, digits and inner dashes, with dots between them (RFC 1123,
// section 2.1), at most 253 bytes. Anything else is [fault.Invalid].
func ValidateSite(site string) error {
	const op = "parse site"
	if len(site) > maxSite {
		return fault.New(fault.Invalid, op, "", "it is longer than %d bytes", maxSite)
	}
	for label := range strings.SplitSeq(site, ".") {
		if !isLabel(label) {
			return fault.New(fault.Invalid, op, "", "%q is not a host name in lower case, as in example.org", site)
		}
	}
	return nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ValidateNamespace accepts what can be the first element of a repository (see
// [dag.ValidateRepository]). Anything else is [fault.Invalid].
func ValidateNamespace(namespace string) error {
	if strings.Contains(namespace, "/") || dag.ValidateRepository(namespace+"/a") != nil {
		return fault.New(fault.Invalid, "parse namespace", "",
			"%.300q is not lower-case letters and digits with . _ or - between them", namespace)
	}
	return nil
}
