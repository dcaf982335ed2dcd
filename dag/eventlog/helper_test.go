package eventlog_test

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// memory keeps the tiles of a log as a store does: the last of each place, from
// which the partial ones of smaller trees are cut.
type memory map[[2]uint64][]byte

func (m memory) put(t *eventlog.Tree) {
	for _, d := range t.Changed() {
		m[[2]uint64{uint64(d.Level), d.Index}] = d.Hashes
	}
}

func (m memory) ReadTile(_ context.Context, t eventlog.Tile) ([]byte, error) {
	b := m[[2]uint64{uint64(t.Level), t.Index}]
	if len(b) < 32*t.Width {
		return nil, fault.New(fault.NotFound, "read tile", t.Path(), "there is none")
	}
	return b[:32*t.Width], nil
}

// reopen opens a tree of the size from its tiles.
func (m memory) reopen(size uint64) (*eventlog.Tree, error) {
	return eventlog.OpenTree(size, func(level int) ([]byte, error) {
		at := size >> (eventlog.TileHeight * level)
		return m.ReadTile(context.Background(), eventlog.Tile{
			Level: level, Index: at >> eventlog.TileHeight, Width: int(at % eventlog.TileWidth),
		})
	})
}

func wantKind(t interface {
	Helper()
	Errorf(string, ...any)
}, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Errorf("got %v (%v), want %v", err, fault.KindOf(err), k)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
