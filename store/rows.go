package store

import (
	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Values of the views. Index is that of the event in its log, and Time is the
// event's in unix milliseconds: nothing in them is of the node that keeps them,
// so that the same logs give the same bytes anywhere.

// artifactRow is the value of an artifact's key.
type artifactRow struct {
	Manifest     dag.CID `cbor:"manifest"`
	Index        uint64  `cbor:"index"`
	Time         int64   `cbor:"time"`
	Subject      []byte  `cbor:"subject,omitempty"` // digest of the manifest that it refers to
	ArtifactType string  `cbor:"artifactType,omitempty"`
	Signature    bool    `cbor:"signature,omitempty"`
}

// tagRow is the value of a tag's key.
type tagRow struct {
	Manifest dag.CID `cbor:"manifest"`
	Index    uint64  `cbor:"index"`
	Time     int64   `cbor:"time"`
}

// keyRow is the value of a key's key.
type keyRow struct {
	Name     string            `cbor:"name"`
	PEM      string            `cbor:"pem"`
	Index    uint64            `cbor:"index"`
	Time     int64             `cbor:"time"`
	Replaces string            `cbor:"replaces,omitempty"`
	Replaced *keyEnd           `cbor:"replaced,omitempty"`
	Revoked  *keyEnd           `cbor:"revoked,omitempty"`
	From     map[string]uint64 `cbor:"from,omitempty"` // with Revoked
}

// keyEnd says where in the node's log a key came to its end.
type keyEnd struct {
	Index  uint64 `cbor:"index"`
	Time   int64  `cbor:"time"`
	By     string `cbor:"by,omitempty"` // the key in its place
	Reason string `cbor:"reason,omitempty"`
}

// policyRow is the value of a policy's key: which event of the node's log
// holds it.
type policyRow struct {
	Index uint64 `cbor:"index"`
	Time  int64  `cbor:"time"`
}

// claimRow is the value of a namespace's claim.
type claimRow struct {
	Origin string `cbor:"origin"`
	Index  uint64 `cbor:"index"`
	Time   int64  `cbor:"time"`
}

// headRow is the value of a log's head. It is no view: it is signed.
type headRow struct {
	Origin     string `cbor:"origin"`
	Size       uint64 `cbor:"size"`
	Root       []byte `cbor:"root"`
	Checkpoint []byte `cbor:"checkpoint,omitempty"` // absent until there was a key to sign it
	// Broken is set where entries were lost: the tree ends before them, and
	// the log takes no more.
	Broken bool `cbor:"broken,omitempty"`
}

// present is the value of a key that says all by being there.
var present = []byte{1}

func decodeRow(b []byte, row any) error {
	return fault.Wrap(fault.Corrupt, "read index", "", dagcbor.Unmarshal(b, row))
}
