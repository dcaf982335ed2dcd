package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// members are those of a package that are held: all but content, by name.
type members map[string][]byte

// within returns the members whose name begins with dir, in order.
func (m members) within(dir string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if strings.HasPrefix(name, dir) && !yield(name, m[name]) {
				return
			}
		}
	}
}

// pageGetter reads pages from members, and remembers which.
type pageGetter struct {
	members members
	read    map[string]bool
}

// Get returns a page. One that is not there, or is not what its name says, is
// [fault.Corrupt].
func (p pageGetter) Get(_ context.Context, c dag.CID) (dag.Block, error) {
	name := pageName(c)
	p.read[name] = true
	data, ok := p.members[name]
	if !ok {
		return dag.Block{}, fault.New(fault.Corrupt, opVerify, name, "the member is missing")
	}
	b, err := dag.Check(c, data)
	return b, fault.Wrap(fault.Corrupt, opVerify, name, err)
}

// encodeJSON writes JSON without the escapes that HTML needs, and without a
// line break at the end. With an indent it is for people.
func encodeJSON(v any, indent string) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, fault.Wrap(fault.Invalid, opWrite, "", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
