package dag

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tegwick/artifact-store/dag/fault"
)

// MaxRepository is the longest repository name, in bytes.
const MaxRepository = 255

// Reference names an artifact: by a tag in a repository, by its digest in a
// repository, or by its digest alone (Repository is then empty).
type Reference struct {
	Repository string // namespace/name, with more elements where wanted
	Tag        string // empty where Digest is set
	Digest     Digest // zero where Tag is set
}

// String returns r as [ParseReference] reads it.
func (r Reference) String() string {
	switch {
	case r.Tag != "":
		return r.Repository + ":" + r.Tag
	case r.Repository != "":
		return r.Repository + "@" + r.Digest.String()
	default:
		return r.Digest.String()
	}
}

// Namespace returns the first element of the repository; one origin writes it.
func (r Reference) Namespace() string {
	ns, _, _ := strings.Cut(r.Repository, "/")
	return ns
}

// Repository elements and tags are those of the OCI distribution
// specification 1.1 (spec.md, "Pulling manifests").
var (
	repositoryElement = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	tagName           = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// ParseReference reads namespace/name:tag, namespace/name@blake3:<hex> or
// blake3:<hex>. Anything else is [fault.Invalid] and says what is wrong.
func ParseReference(s string) (Reference, error) {
	bad := func(format string, args ...any) (Reference, error) {
		return Reference{}, fault.New(fault.Invalid, "parse reference", quote(s), format, args...)
	}
	if strings.HasPrefix(s, "blake3:") {
		d, err := parseDigest(s)
		return Reference{Digest: d}, err
	}
	if name, digest, ok := strings.Cut(s, "@"); ok {
		if strings.Contains(name, ":") {
			return bad("give a tag or a digest, not both, as in acme/report@blake3:<64 hex digits>")
		}
		if err := ValidateRepository(name); err != nil {
			return Reference{}, err
		}
		d, err := parseDigest(digest)
		return Reference{Repository: name, Digest: d}, err
	}
	name, tag, ok := strings.Cut(s, ":")
	if err := ValidateRepository(name); err != nil {
		return Reference{}, err
	}
	if !ok {
		return bad("it has no tag or digest; write one, as in acme/report:v1")
	}
	if err := ValidateTag(tag); err != nil {
		return Reference{}, err
	}
	return Reference{Repository: name, Tag: tag}, nil
}

// parseDigest is [ParseDigest] without the zero digest, which stands for none.
func parseDigest(s string) (Digest, error) {
	d, err := ParseDigest(s)
	if err == nil && d == (Digest{}) {
		err = fault.New(fault.Invalid, "parse digest", s, "no content has this digest")
	}
	return d, err
}

// ValidateRepository accepts two or more slash-separated elements of lower-case
// letters and digits, with single dots, one or two underscores or any number
// of dashes between them. Anything else is [fault.Invalid].
func ValidateRepository(name string) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "parse repository", quote(name), format, args...)
	}
	if len(name) > MaxRepository {
		return bad("it is longer than %d bytes", MaxRepository)
	}
	elements := 0
	for element := range strings.SplitSeq(name, "/") {
		elements++
		if !repositoryElement.MatchString(element) {
			return bad("%q is not made of lower-case letters and digits with . _ or - between them, as in acme/report", element)
		}
	}
	if elements < 2 {
		return bad("it needs a namespace and a name, as in acme/report")
	}
	return nil
}

// ValidateTag accepts up to 128 letters, digits, underscores, dots and dashes
// that do not begin with a dot or dash. Anything else is [fault.Invalid].
func ValidateTag(tag string) error {
	if !tagName.MatchString(tag) {
		return fault.New(fault.Invalid, "parse tag", quote(tag),
			"a tag is up to 128 letters, digits, _ . and - and begins with none of . and -, as in v1.2")
	}
	return nil
}

// quote shows s, which may be hostile, in an error.
func quote(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most]
	}
	return strconv.Quote(s)
}
