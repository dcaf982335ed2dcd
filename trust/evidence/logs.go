package evidence

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

const opLog = "verify log"

// originOf returns the log that a signed checkpoint says it is of. It is not
// verified.
func originOf(signed []byte) string {
	line, _, _ := bytes.Cut(signed, []byte("\n"))
	return string(line)
}

// siteOf returns the site of a node's origin.
func siteOf(origin string) string {
	site, _, _ := strings.Cut(origin, "/_node/")
	return site
}

// leaves are those of a log: one entry bundle of C2SP tlog-tiles, of any
// number of entries (see [eventlog.AppendBundle]).
type leaves []byte

// next cuts off the first leaf.
func (l leaves) next() (leaf []byte, rest leaves, ok bool) {
	if len(l) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(l))
	if l = l[2:]; n > len(l) {
		return nil, nil, false
	}
	return l[:n:n], l[n:], true
}

// kept reports whether events of this kind are what a package proves from the
// node's log. All of them are in it: none can be left out unnoticed, since
// the package has every leaf of that log.
func kept(k eventlog.Kind) bool {
	switch k {
	case eventlog.KeyAdded, eventlog.KeyRotated, eventlog.KeyRevoked, eventlog.PolicySet:
		return true
	}
	return false
}

// nodeEvents verifies the node's log against its checkpoint, and returns the
// events that are kept.
func (v *verification) nodeEvents(c eventlog.Checkpoint) []located {
	name := dirNode + nameLeaves
	data, ok := v.take(name)
	if !ok {
		return nil
	}
	tree, err := eventlog.OpenTree(0, nil)
	if !v.found.note(name, err) {
		return nil
	}
	for rest := leaves(data); len(rest) > 0; {
		leaf, after, ok := rest.next()
		if !ok {
			v.found.corrupt(name, "leaf %d is cut off", tree.Size())
			return nil
		}
		tree.Append(eventlog.Entry{Leaf: leaf}.Hash())
		rest = after
	}
	if tree.Size() != c.Size || tree.Root() != c.Root {
		v.found.corrupt(name, "its %d leaves are not the %d that the checkpoint is of", tree.Size(), c.Size)
		return nil
	}
	var events []located
	rest := leaves(data)
	for i := range c.Size {
		var leaf []byte
		leaf, rest, _ = rest.next()
		header, err := eventlog.Entry{Leaf: leaf}.Open()
		if !v.found.note(name, err) || !kept(header.Kind) {
			continue
		}
		name := numbered(dirNode, i, suffixEntry)
		entry, event, ok := v.entry(name)
		switch {
		case !ok:
		case !bytes.Equal(entry.Leaf, leaf):
			v.found.corrupt(name, "it is not leaf %d of the log", i)
		default:
			events = append(events, located{event, i})
		}
	}
	return events
}

// entry reads the member of an entry.
func (v *verification) entry(name string) (eventlog.Entry, eventlog.Event, bool) {
	data, ok := v.take(name)
	if !ok {
		return eventlog.Entry{}, eventlog.Event{}, false
	}
	entry, err := eventlog.UnmarshalEntry(data)
	if !v.found.note(name, err) {
		return entry, eventlog.Event{}, false
	}
	event, err := entry.Open()
	if err == nil && event.Erased {
		err = fault.New(fault.Corrupt, opLog, name, "its payload was erased, so that it proves nothing")
	}
	return entry, event, v.found.note(name, err)
}

// namespaceEvents verifies each entry of the namespace's log by the proof
// beside it, and returns the events in order.
func (v *verification) namespaceEvents(signed []byte) []located {
	indices := map[uint64]bool{}
	for name := range v.held.within(dirNamespace) {
		for _, suffix := range [...]string{suffixEntry, suffixProof} {
			if i, ok := number(name, dirNamespace, suffix); ok {
				indices[i] = true
			}
		}
	}
	var events []located
	for _, i := range slices.Sorted(maps.Keys(indices)) {
		entry, event, ok := v.entry(numbered(dirNamespace, i, suffixEntry))
		if ok && v.proof(i, signed, entry) {
			events = append(events, located{event, i})
		}
	}
	return events
}

// proof verifies that an entry is in the log, by the member beside it: a C2SP
// tlog-proof with the checkpoint that the package has, which is verified.
func (v *verification) proof(i uint64, signed []byte, entry eventlog.Entry) bool {
	name := numbered(dirNamespace, i, suffixProof)
	data, ok := v.take(name)
	if !ok {
		return false
	}
	p, err := eventlog.ParseProof(data)
	if !v.found.note(name, err) {
		return false
	}
	again, err := p.Marshal()
	switch {
	case !v.found.note(name, err):
		return false
	case !bytes.Equal(again, data) || p.Index != i || len(p.Extra) > 0 || !bytes.Equal(p.Checkpoint, signed):
		v.found.corrupt(name, "it is not the proof of entry %d to %s", i, dirNamespace+nameCheckpoint)
		return false
	}
	if err = eventlog.CheckInclusion(p.Hashes, v.namespace.Size, v.namespace.Root, i, entry.Hash()); err != nil {
		err = fault.New(fault.KindOf(err), opLog, name, "it does not prove %s: %w", numbered(dirNamespace, i, suffixEntry), err)
	}
	return v.found.note(name, err)
}
