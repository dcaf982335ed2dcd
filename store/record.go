package store

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// record is an entry of a log as the packs keep it. The sequence numbers the
// records of all logs without a gap, so that logs and views can be rebuilt from
// the packs alone, in the order in which they came to be. Records are never
// dropped.
type record struct {
	Version   uint64 `cbor:"v"`
	Sequence  uint64 `cbor:"sequence"`
	Namespace string `cbor:"namespace"` // "" in the node's log
	Origin    string `cbor:"origin"`
	Index     uint64 `cbor:"index"`
	Leaf      []byte `cbor:"leaf"`
	Salt      []byte `cbor:"salt,omitempty"`    // absent where erased,
	Payload   []byte `cbor:"payload,omitempty"` // as this is
}

const recordVersion = 1

func (r record) entry() eventlog.Entry {
	return eventlog.Entry{Leaf: r.Leaf, Salt: r.Salt, Payload: r.Payload}
}

// pack returns the record as it is appended to a segment.
func (r record) pack() (pack.Record, error) {
	data, err := dagcbor.Marshal(r)
	if err != nil {
		return pack.Record{}, fault.Wrap(fault.Invalid, "encode event", r.Origin, err)
	}
	return pack.Record{Type: pack.Event, Plain: uint32(len(data)), Digest: dag.Sum(data), Payload: data}, nil
}

func decodeRecord(data []byte) (record, error) {
	const op = "read event"
	var r record
	if err := dagcbor.Unmarshal(data, &r); err != nil {
		return record{}, fault.Wrap(fault.Corrupt, op, "", err)
	}
	if r.Version != recordVersion {
		return record{}, fault.New(fault.Invalid, op, "", "it is of version %d; this program knows %d", r.Version, recordVersion)
	}
	if len(r.Namespace) > dag.MaxRepository || strings.ContainsRune(r.Namespace, 0) {
		return record{}, fault.New(fault.Corrupt, op, "", "it is of a namespace that cannot be")
	}
	return r, nil
}

// mark extends the chain of all events by r: what two copies of a store agree
// on where they have come equally far.
func (r record) mark(before Mark) Mark {
	h := sha256.New()
	h.Write(before.Chain[:])
	var n [16]byte
	binary.BigEndian.PutUint64(n[:], r.Index)
	binary.BigEndian.PutUint64(n[8:], uint64(len(r.Origin)))
	h.Write(n[:])
	h.Write([]byte(r.Origin))
	h.Write(r.Leaf)
	after := Mark{Sequence: r.Sequence}
	h.Sum(after.Chain[:0])
	return after
}

// event is an event of a log, as views take it.
type event struct {
	Namespace string
	Index     uint64
	eventlog.Event
}

func (r record) event() (event, error) {
	e, err := r.entry().Open()
	if err != nil {
		return event{}, err
	}
	return event{Namespace: r.Namespace, Index: r.Index, Event: e}, nil
}

// namespaceOf is the first element of a repository's name.
func namespaceOf(repository string) string {
	namespace, _, _ := strings.Cut(repository, "/")
	return namespace
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
