package eventlog

import (
	"bytes"
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// version is that of the structures of this package.
const version = 1

// Header is a leaf: all of an event that can never be erased, so no names,
// paths or addresses are in it.
type Header struct {
	Version uint64 `cbor:"v"`
	Kind    Kind   `cbor:"kind"`
	Time    int64  `cbor:"time"`   // when it was logged, milliseconds since 1970
	Commit  []byte `cbor:"commit"` // SHA-256(salt || payload)
}

// Entry is an event as it is kept and travels. Salt and Payload are both nil
// where they have been erased.
type Entry struct {
	Leaf    []byte // a [Header], in canonical CBOR
	Salt    []byte // 32 random bytes: without them nobody guesses the payload from its commitment
	Payload []byte // a [Payload], in canonical CBOR
}

// Event is what an [Entry] says.
type Event struct {
	Header
	Payload Payload // zero where erased
	Erased  bool
}

// NewEntry makes the entry of an event. time is in milliseconds since 1970,
// and salt must be random and new for each entry. An unknown kind, a time
// before 1970, or a payload that is not one of the kind is [fault.Invalid]; a
// payload over [MaxPayload] is [fault.TooLarge].
func NewEntry(kind Kind, time int64, salt [32]byte, p Payload) (Entry, error) {
	const op = "make event"
	if err := p.check(op, kind); err != nil {
		return Entry{}, err
	}
	payload, err := dagcbor.Marshal(p)
	if err != nil {
		return Entry{}, fault.Wrap(fault.Other, op, string(kind), err)
	}
	if len(payload) > MaxPayload {
		return Entry{}, fault.New(fault.TooLarge, op, string(kind), "its payload is longer than %d bytes", MaxPayload)
	}
	commit := commitment(salt[:], payload)
	h := Header{Version: version, Kind: kind, Time: time, Commit: commit[:]}
	if err := h.check(op); err != nil {
		return Entry{}, err
	}
	leaf, err := dagcbor.Marshal(h)
	if err != nil {
		return Entry{}, fault.Wrap(fault.Other, op, string(kind), err)
	}
	return Entry{Leaf: leaf, Salt: bytes.Clone(salt[:]), Payload: payload}, nil
}

// commitment is what a leaf says of its payload.
func commitment(salt, payload []byte) [sha256.Size]byte {
	b := make([]byte, 0, saltLen+len(payload))
	return sha256.Sum256(append(append(b, salt...), payload...))
}

// check holds a header to version 1.
func (h *Header) check(op string) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, op, string(h.Kind), format, args...)
	}
	switch {
	case h.Version > version:
		err := bad("it is of version %d, and this program knows %d", h.Version, version)
		return fault.Hint(err, "use a newer version of this program")
	case h.Version < version:
		return bad("it is of version %d, which there is not", h.Version)
	case h.Time < 0:
		return bad("its time is before 1970")
	case len(h.Commit) != sha256.Size:
		return bad("its commitment is of %d bytes, not %d", len(h.Commit), sha256.Size)
	}
	return nil
}

// Open reads an entry. A leaf or payload that is not canonical, of an unknown
// version or kind, or that says too much or too little for its kind is
// [fault.Invalid]; a payload that is not the one that the leaf commits to is
// [fault.Corrupt].
func (e Entry) Open() (Event, error) {
	const op = "read event"
	if err := e.check(op); err != nil {
		return Event{}, err
	}
	var ev Event
	if err := dagcbor.Unmarshal(e.Leaf, &ev.Header); err != nil {
		return Event{}, fault.Wrap(fault.Other, op, "", err)
	}
	if err := ev.Header.check(op); err != nil {
		return Event{}, err
	}
	if e.Payload == nil {
		if _, ok := shapes[ev.Kind]; !ok {
			return Event{}, unknownKind(op, ev.Kind)
		}
		ev.Erased = true
		return ev, nil
	}
	if commit := commitment(e.Salt, e.Payload); !bytes.Equal(commit[:], ev.Commit) {
		return Event{}, fault.New(fault.Corrupt, op, string(ev.Kind), "the payload is not the one that the leaf commits to")
	}
	if err := dagcbor.Unmarshal(e.Payload, &ev.Payload); err != nil {
		return Event{}, fault.Wrap(fault.Other, op, string(ev.Kind), err)
	}
	if err := ev.Payload.check(op, ev.Kind); err != nil {
		return Event{}, err
	}
	return ev, nil
}

// check looks at the lengths of the parts of an entry.
func (e Entry) check(op string) error {
	switch {
	case len(e.Leaf) > MaxLeaf || len(e.Payload) > MaxPayload:
		return fault.New(fault.TooLarge, op, "", "a leaf of %d and a payload of %d bytes; the most are %d and %d",
			len(e.Leaf), len(e.Payload), MaxLeaf, MaxPayload)
	case len(e.Leaf) == 0:
		return fault.New(fault.Invalid, op, "", "there is no leaf")
	case e.Salt == nil && e.Payload == nil:
		return nil
	case len(e.Salt) != saltLen || len(e.Payload) == 0:
		return fault.New(fault.Invalid, op, "", "a payload of %d bytes with a salt of %d: they are kept or erased together",
			len(e.Payload), len(e.Salt))
	}
	return nil
}

// Hash returns the hash of the leaf in the tree (RFC 6962, section 2.1).
func (e Entry) Hash() Hash { return tlog.RecordHash(e.Leaf) }

// entryNode is an entry as it is encoded.
type entryNode struct {
	Version uint64 `cbor:"v"`
	Leaf    []byte `cbor:"leaf"`
	Salt    []byte `cbor:"salt,omitempty"`
	Payload []byte `cbor:"payload,omitempty"`
}

// Marshal encodes an entry. One that [UnmarshalEntry] would refuse is refused
// alike.
func (e Entry) Marshal() ([]byte, error) {
	const op = "encode entry"
	if err := e.check(op); err != nil {
		return nil, err
	}
	data, err := dagcbor.Marshal(entryNode{version, e.Leaf, e.Salt, e.Payload})
	return data, fault.Wrap(fault.Other, op, "", err)
}

// UnmarshalEntry decodes an entry and looks no further: [Entry.Open] reads what
// it says. Anything but an encoded entry is [fault.Invalid], and one over a
// limit is [fault.TooLarge].
func UnmarshalEntry(data []byte) (Entry, error) {
	const op = "decode entry"
	var n entryNode
	if err := dagcbor.Unmarshal(data, &n); err != nil {
		return Entry{}, fault.Wrap(fault.Other, op, "", err)
	}
	if n.Version != version {
		return Entry{}, fault.New(fault.Invalid, op, "", "it is of version %d, and this program knows %d", n.Version, version)
	}
	e := Entry{Leaf: n.Leaf, Salt: n.Salt, Payload: n.Payload}
	if err := e.check(op); err != nil {
		return Entry{}, err
	}
	return e, nil
}
