package trust

import (
	"fmt"
	"maps"
)

// Revocation ends the trust in a key. What the key said counts where it was
// logged in a namespace's log at an index below From of that namespace; where
// the namespace is not listed, nothing counts.
type Revocation struct {
	Key  KeyID             `json:"key"`
	From map[string]uint64 `json:"from,omitempty"`
}

// revocations tells for each revoked key below which index of which
// namespace's log its word still counts.
type revocations map[KeyID]map[string]uint64

func (r revocations) has(id KeyID) bool { _, ok := r[id]; return ok }

// and returns the revocations with more: what counts is what each of them lets
// count. r stays as it is.
func (r revocations) and(more []Revocation) revocations {
	all := make(revocations, len(r)+len(more))
	maps.Copy(all, r)
	for _, m := range more {
		had, ok := all[m.Key]
		if !ok {
			all[m.Key] = maps.Clone(m.From)
			continue
		}
		both := map[string]uint64{}
		for namespace, index := range m.From {
			if other, ok := had[namespace]; ok {
				both[namespace] = min(index, other)
			}
		}
		all[m.Key] = both
	}
	return all
}

// against returns why a statement counts for nothing, or "". namespace is that
// whose log has it; empty where none has.
func (r revocations) against(st Statement, namespace string) string {
	from, revoked := r[st.Key]
	if !revoked {
		return ""
	}
	index, listed := from[namespace]
	switch {
	case namespace == "":
		return "its key is revoked, and what it said is in no log"
	case !listed:
		return "its key is revoked for all that is in the log of " + namespace
	case st.Index >= index:
		return fmt.Sprintf("its key is revoked from entry %d of the log of %s on, and this is entry %d", index, namespace, st.Index)
	}
	return ""
}
