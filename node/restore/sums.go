package restore

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag"
)

// claim is a whole-content digest and where it is written.
type claim struct {
	algorithm string
	sum       []byte
	by        string
}

// claimed returns all digests that d and the root of its tree claim, in a
// fixed order.
func claimed(d dag.Descriptor, b blob) []claim {
	claims := appendClaims(nil, d.Digests, "the manifest")
	if b.tree != nil {
		claims = appendClaims(claims, b.tree.Digests(), "the root of its tree")
	}
	return claims
}

func appendClaims(claims []claim, digests dag.Digests, by string) []claim {
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		claims = append(claims, claim{algorithm: name, sum: digests[name], by: by})
	}
	return claims
}

// sums computes the digests of a stream that are claimed of it. An algorithm
// that is unknown here is left out: others vouch for the content.
type sums map[string]hash.Hash

func newSums(claims []claim) sums {
	s := make(sums)
	for _, c := range claims {
		switch c.algorithm {
		case "sha256":
			s[c.algorithm] = sha256.New()
		case "sha512":
			s[c.algorithm] = sha512.New()
		case "blake3":
			s[c.algorithm] = dag.NewHash()
		}
	}
	return s
}

func (s sums) write(p []byte) {
	for _, h := range s {
		_, _ = h.Write(p) // a hash never fails
	}
}

// of returns the digest by the named algorithm, if that is computed.
func (s sums) of(algorithm string) ([]byte, bool) {
	h, ok := s[algorithm]
	if !ok {
		return nil, false
	}
	return h.Sum(nil), true
}
