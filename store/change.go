package store

import (
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// operation is what a reference change does.
type operation string

const (
	opPublish operation = "publish" // an artifact joins a repository, under a tag where one is given
	opTag     operation = "tag"     // a tag is set to an artifact of its repository
	opUntag   operation = "untag"   // a tag is removed
	opRemove  operation = "remove"  // an artifact leaves a repository, with its tags
)

// change is one mutation of the references. Changes are records in the packs,
// numbered without a gap; the views are what applying them in order gives, so
// that they can be rebuilt from the packs alone. They are never dropped.
type change struct {
	Version    uint64    `cbor:"v"`
	Sequence   uint64    `cbor:"sequence"`
	Time       int64     `cbor:"time"` // unix milliseconds, by the node's clock
	Op         operation `cbor:"op"`
	Repository string    `cbor:"repository"`
	Tag        string    `cbor:"tag,omitempty"`
	Manifest   *dag.CID  `cbor:"manifest,omitempty"`
}

const changeVersion = 1

// checkNames keeps out of the store what its keys could not hold.
func (c change) checkNames() error {
	if err := dag.ValidateRepository(c.Repository); err != nil {
		return err
	}
	if c.Tag == "" && (c.Op == opPublish || c.Op == opRemove) {
		return nil
	}
	return dag.ValidateTag(c.Tag)
}

func (c change) encode() ([]byte, error) { return dagcbor.Marshal(c) }

func decodeChange(data []byte) (change, error) {
	var c change
	if err := dagcbor.Unmarshal(data, &c); err != nil {
		return change{}, fault.Wrap(fault.Corrupt, "read reference change", "", err)
	}
	if c.Version != changeVersion {
		return change{}, fault.New(fault.Invalid, "read reference change", "", "it is of version %d; this program knows %d", c.Version, changeVersion)
	}
	known := c.Op == opUntag || c.Manifest != nil && (c.Op == opPublish || c.Op == opTag || c.Op == opRemove)
	if !known {
		return change{}, fault.New(fault.Invalid, "read reference change", string(c.Op), "the operation is unknown or lacks its manifest")
	}
	return c, nil
}

// artifactRow is the value of an artifact's key.
type artifactRow struct {
	Manifest dag.CID `cbor:"manifest"`
	Sequence uint64  `cbor:"sequence"`
	Time     int64   `cbor:"time"`
}

// tagRow is the value of a tag's key.
type tagRow struct {
	Manifest dag.CID `cbor:"manifest"`
	Sequence uint64  `cbor:"sequence"`
	Time     int64   `cbor:"time"`
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
