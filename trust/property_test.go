package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/trust"
)

// TestLongestPrefix holds the rule that decides against a plain search: of all
// namespaces whose elements are the first of the repository's, that with the
// most. Each rule lets another key publish, so that the verdict tells it.
func TestLongestPrefix(t *testing.T) {
	publishers := make([]*signer, 12)
	for i := range publishers {
		publishers[i] = newSigner(t, fmt.Sprint("publisher ", i))
	}
	root := newSigner(t, "root")
	element := rapid.SampledFrom([]string{"a", "b", "ab", "a-b", "prod", "production"})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(element, 1, 4).Draw(t, "elements"), "/")
	})
	rapid.Check(t, func(rt *rapid.T) {
		namespaces := rapid.SliceOfNDistinct(path, 1, len(publishers), rapid.ID).Draw(rt, "namespaces")
		repository := rapid.OneOf(path, rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom(namespaces).Draw(t, "namespace") + rapid.SampledFrom([]string{"", "/a", "a", "-b/a"}).Draw(t, "rest")
		})).Filter(func(s string) bool { return strings.Contains(s, "/") }).Draw(rt, "repository")

		document := object{"version": 1, "epoch": 1, "expires": expires, "roots": quorum(1, root), "keys": keys(append(publishers, root)...)}
		var rules []object
		var have []trust.Statement
		want := -1
		for i, namespace := range namespaces {
			rules = append(rules, object{"namespace": namespace, "publish": quorum(1, publishers[i])})
			first, whole := strings.Split(namespace, "/"), strings.Split(repository, "/")
			if len(first) <= len(whole) && slices.Equal(first, whole[:len(first)]) &&
				(want < 0 || len(first) > strings.Count(namespaces[want], "/")+1) {
				want = i
			}
		}
		p, err := trust.ParsePolicy(encode(t, with(document, object{"rules": rules})))
		if err != nil {
			rt.Fatal(err)
		}
		for i, s := range publishers {
			have = []trust.Statement{claim(s, repository, "v1")}
			if v := p.Check(asks(repository, "v1"), have, now); v.Allowed != (i == want) {
				rt.Fatalf("of %v for %s, rule %d should decide, and %d allows it: %v: %s", namespaces, repository, want, i, v.Allowed, why(v))
			}
		}
	})
}

// TestThresholdsCountKeys holds a threshold against a count of distinct keys,
// whatever is said how often, by whom, and in which order.
func TestThresholdsCountKeys(t *testing.T) {
	c := newCast(t)
	people := []*signer{c.root, c.root2, c.ci, c.bob, c.eve, c.lead, c.mate}
	rapid.Check(t, func(rt *rapid.T) {
		named := rapid.SliceOfNDistinct(rapid.SampledFrom(people), 1, len(people), func(s *signer) string { return s.name }).Draw(rt, "named")
		threshold := rapid.IntRange(1, len(named)).Draw(rt, "threshold")
		p, err := trust.ParsePolicy(encode(t, object{
			"version": 1, "epoch": 1, "expires": expires, "roots": quorum(1, c.root), "keys": keys(people...),
			"rules": []object{{"namespace": "acme", "publish": quorum(threshold, named...)}},
		}))
		if err != nil {
			rt.Fatal(err)
		}
		var have []trust.Statement
		counted := map[string]bool{}
		for range rapid.IntRange(0, 20).Draw(rt, "statements") {
			s := rapid.SampledFrom(people).Draw(rt, "who")
			st := rapid.SampledFrom([]trust.Statement{
				claim(s, "acme/app", "v1"), claim(s, "acme/app", "v1"), claim(s, "acme/app", "v2"),
				signature(s), attests(s, sbom), logged(claim(s, "acme/app", "v1"), "acme", 5, now),
			}).Draw(rt, "what")
			have = append(have, st)
			if st.Type == trust.Claim && st.Tag == "v1" && slices.Contains(named, s) {
				counted[s.name] = true
			}
		}
		if v := p.Check(asks("acme/app", "v1"), have, now); v.Allowed != (len(counted) >= threshold) {
			rt.Fatalf("%d keys of %d: %s", len(counted), threshold, why(v))
		}
	})
}

// TestMoreNeverHarms asks that no further statement turns what is allowed into
// what is not, and no revocation what is not into what is.
func TestMoreNeverHarms(t *testing.T) {
	c := newCast(t)
	p := c.policy(t, c.document(t))
	all := []trust.Statement{
		claim(c.ci, "acme/prod/app", "v1"), claim(c.bob, "acme/prod/app", "v1"), attests(c.ci, sbom), attests(c.bob, sbom),
		claim(c.ci, "acme/prod/app", "v2"), signature(c.bob), claim(c.eve, "acme/prod/app", "v1"),
		logged(claim(c.ci, "acme/prod/app", "v1"), "acme", 10, now), logged(claim(c.bob, "acme/prod/app", "v1"), "acme", 20, now),
		logged(attests(c.ci, sbom), "acme", 30, now), logged(attests(c.ci, sbom), "other", 3, now),
	}
	rapid.Check(t, func(rt *rapid.T) {
		have := rapid.SliceOf(rapid.SampledFrom(all)).Draw(rt, "have")
		more := rapid.SliceOf(rapid.SampledFrom(all)).Draw(rt, "more")
		from := map[string]uint64{"acme": rapid.Uint64Range(0, 40).Draw(rt, "from")}
		q := p.Revoked(1, trust.Revocation{Key: rapid.SampledFrom([]*signer{c.ci, c.bob, c.eve}).Draw(rt, "revoked").id(), From: from})
		s := asks("acme/prod/app", "v1")
		few, many := p.Check(s, have, now).Allowed, p.Check(s, slices.Concat(more, have), now).Allowed
		if few && !many {
			rt.Fatalf("allowed with %v, and denied with %v before", have, more)
		}
		if q.Check(s, have, now).Allowed && !few {
			rt.Fatalf("a revocation allowed %v", have)
		}
	})
}
