package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag/eventlog"
)

// version is that of the layout that is written, and the newest that is read.
const version = 1

// index is evidence.json: what the package holds, for people and scripts.
// Nothing is taken from it: all of it follows from the other members, and it
// is compared with what follows. The digests in it cover what no signature
// does, such as the cosignatures of witnesses that no root names.
type index struct {
	Version     int             `json:"version"`
	Reference   string          `json:"reference"`
	Digest      string          `json:"digest"`
	Content     bool            `json:"content"`
	Logs        []indexLog      `json:"logs"`
	Publication indexEvent      `json:"publication"`
	Tag         *indexEvent     `json:"tag,omitempty"`
	Referrers   []indexReferrer `json:"referrers"`
	Policies    []uint64        `json:"policies"` // epochs
	Members     []indexMember   `json:"members"`  // but content and this one
}

type indexLog struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"` // base64, as in the checkpoint
}

type indexEvent struct {
	Kind  eventlog.Kind `json:"kind"`
	Index uint64        `json:"index"`
	Time  string        `json:"time"` // RFC 3339, UTC, milliseconds
}

type indexReferrer struct {
	Digest       string     `json:"digest"`
	ArtifactType string     `json:"artifactType,omitempty"`
	Bundles      int        `json:"bundles"`
	Event        indexEvent `json:"event"`
}

type indexMember struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// encode returns evidence.json for a case and the members that are held.
func (c *dossier) encode(held members) ([]byte, error) {
	x := index{
		Version: version, Reference: c.reference.String(), Digest: c.block.CID.Digest.String(), Content: c.content,
		Logs:        []indexLog{logOf(c.node), logOf(c.namespace)},
		Publication: eventOf(c.publication), Referrers: []indexReferrer{}, Policies: []uint64{}, Members: []indexMember{},
	}
	if c.tag != nil {
		at := eventOf(*c.tag)
		x.Tag = &at
	}
	for _, r := range c.referrers {
		x.Referrers = append(x.Referrers, indexReferrer{
			Digest: r.block.CID.Digest.String(), ArtifactType: r.manifest.ArtifactType, Bundles: len(r.bundles), Event: eventOf(r.event),
		})
	}
	x.Policies = append(x.Policies, c.epochs...)
	for _, name := range slices.Sorted(maps.Keys(held)) {
		if name != nameEvidence {
			sum := sha256.Sum256(held[name])
			x.Members = append(x.Members, indexMember{name, len(held[name]), hex.EncodeToString(sum[:])})
		}
	}
	data, err := encodeJSON(x, "  ")
	return append(data, '\n'), err
}

func logOf(c eventlog.Checkpoint) indexLog {
	return indexLog{Origin: c.Origin, Size: c.Size, Root: c.Root.String()}
}

func eventOf(e located) indexEvent {
	return indexEvent{Kind: e.Kind, Index: e.index, Time: e.at().Format("2006-01-02T15:04:05.000Z")}
}

// newer reports whether data is an evidence.json of a later layout, whose
// members need not be known here.
func newer(data []byte) bool {
	var x struct {
		Version int `json:"version"`
	}
	return json.Unmarshal(data, &x) == nil && x.Version > version
}
