package trust

import "strings"

// table finds who decides on a repository: each prefix is that of a rule, or
// one that a rule delegates.
type table map[string]entry

type entry struct {
	prefix   string
	rule     *rule
	delegate *delegate // not nil where rule leaves the prefix to others
}

// within reports whether a path is a prefix or lies beneath it, by whole
// elements: acme/prod is not a prefix of acme/production.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// newTable makes the table of some rules, no prefix of which may stand twice.
func newTable(op string, rules []rule) (table, error) {
	t := table{}
	add := func(e entry) error {
		if _, twice := t[e.prefix]; twice {
			return invalid(op, e.prefix, "two rules decide on it")
		}
		t[e.prefix] = e
		return nil
	}
	for i := range rules {
		r := &rules[i]
		if err := add(entry{prefix: r.Namespace, rule: r}); err != nil {
			return nil, err
		}
		if r.Delegate == nil {
			continue
		}
		for _, prefix := range r.Delegate.Prefixes {
			if err := add(entry{prefix: prefix, rule: r, delegate: r.Delegate}); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// find returns the entry whose prefix is the longest of those of a repository,
// by whole elements. No shorter one is asked after it: the longest decides,
// even where it denies.
func (t table) find(repository string) (entry, bool) {
	for at := repository; ; {
		if e, ok := t[at]; ok {
			return e, true
		}
		end := strings.LastIndexByte(at, '/')
		if end < 0 {
			return entry{}, false
		}
		at = at[:end]
	}
}
