package eventlog

import (
	"iter"
	"strconv"
	"strings"

	"github.com/tegwick/artifact-store/dag/fault"
)

// The shape of tiles (C2SP tlog-tiles).
const (
	TileHeight = 8               // levels of the tree in a tile
	TileWidth  = 1 << TileHeight // hashes in a full tile
	maxLevel   = 63
	hashLen    = len(Hash{})
)

// EntriesLevel is the [Tile.Level] of a bundle of entries, which stands for the
// tile of their hashes at level 0.
const EntriesLevel = -1

// Tile names consecutive hashes of a tree: those at height 8 x Level, from
// Index x 256 on. A tile with fewer than 256 is partial; of each level of a
// tree only the right-most can be.
type Tile struct {
	Level int // 0 to 63, or [EntriesLevel]
	Index uint64
	Width int // 1 to 256
}

// TileData is a tile and its hashes, 32 x Width bytes.
type TileData struct {
	Tile
	Hashes []byte
}

// Path returns where a tile is served below a log's prefix (C2SP tlog-tiles):
// tile/<level>/<index>, for entries tile/entries/<index>, and where it is
// partial .p/<width> behind it.
func (t Tile) Path() string {
	b := make([]byte, 0, 48)
	b = append(b, "tile/"...)
	if t.Level == EntriesLevel {
		b = append(b, "entries"...)
	} else {
		b = strconv.AppendInt(b, int64(t.Level), 10)
	}
	b = appendIndex(b, t.Index)
	if t.Width != TileWidth {
		b = append(b, ".p/"...)
		b = strconv.AppendInt(b, int64(t.Width), 10)
	}
	return string(b)
}

// appendIndex appends n in elements of three digits, all but the last with an
// x before them.
func appendIndex(b []byte, n uint64) []byte {
	if n >= 1000 {
		b = appendElevated(b, n/1000)
	}
	return appendDigits(append(b, '/'), n%1000)
}

func appendElevated(b []byte, n uint64) []byte {
	if n >= 1000 {
		b = appendElevated(b, n/1000)
	}
	return appendDigits(append(b, "/x"...), n%1000)
}

func appendDigits(b []byte, n uint64) []byte {
	return append(b, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}

// EntriesPath returns where the bundle of the entries from index x 256 on is
// served below a log's prefix; width is how many there are, 1 to 256.
func EntriesPath(index uint64, width int) string {
	return Tile{Level: EntriesLevel, Index: index, Width: width}.Path()
}

// ParseTilePath is the inverse of [Tile.Path], of [EntriesPath] too. Anything
// but a path as they write it is [fault.Invalid].
func ParseTilePath(path string) (Tile, error) {
	bad := fault.New(fault.Invalid, "parse tile path", "",
		"%.100q is not tile/<level>/<index> or tile/entries/<index>, with .p/<width> where it is partial", path)
	level, index, ok := strings.Cut(strings.TrimPrefix(path, "tile/"), "/")
	if !ok {
		return Tile{}, bad
	}
	t := Tile{Level: EntriesLevel, Width: TileWidth}
	var err error
	if level != "entries" {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > maxLevel {
			return Tile{}, bad
		}
	}
	if digits, width, partial := strings.Cut(index, ".p/"); partial {
		index = digits
		if t.Width, err = strconv.Atoi(width); err != nil || t.Width < 1 || t.Width >= TileWidth {
			return Tile{}, bad
		}
	}
	digits := strings.NewReplacer("/", "", "x", "").Replace(index)
	if t.Index, err = strconv.ParseUint(digits, 10, 64); err != nil {
		return Tile{}, bad
	}
	if t.Path() != path { // so it has all that was passed over above in its place
		return Tile{}, bad
	}
	return t, nil
}

// Tiles yields every tile of a tree of size leaves, level by level and each
// from the left.
func Tiles(size uint64) iter.Seq[Tile] {
	return func(yield func(Tile) bool) {
		for level := 0; size > 0; level++ {
			full, rest := size>>TileHeight, int(size%TileWidth)
			for i := range full {
				if !yield(Tile{level, i, TileWidth}) {
					return
				}
			}
			if rest > 0 && !yield(Tile{level, full, rest}) {
				return
			}
			size = full
		}
	}
}
