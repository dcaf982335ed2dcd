package dag

import (
	"math"
	"strings"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// MaxDescriptor is the largest encoded descriptor of a layer.
const MaxDescriptor = 64 << 10

// MaxUnnamed is the largest number of layers without a path. Paths ascend, so
// no page with paths can be met twice; without this limit a few pages of
// layers that have none could link each other into any number of them.
const MaxUnnamed = 32 << 10

// Where a page ends: after an entry whose path hashes so, once the page has
// minPage bytes of entries, so that one changed layer changes the page it is
// in and the borders after it stay; and before an entry that would take it
// over maxPage. One entry in 128 is such a border: pages of files are about
// 50 KiB. Frozen: the borders are part of a manifest's bytes.
const (
	minPage  = 16 << 10
	maxPage  = 128 << 10
	pageMask = 0x7f
)

// endsPage reports whether a page may end after the entry for path.
func endsPage(path string) bool { return Sum([]byte(path))[0]&pageMask == 0 }

// page refers to a block of layers, or of further pages.
type page struct {
	_     struct{} `cbor:",toarray"`
	Link  CID
	Count uint64 // layers in it and beneath it
	First []byte // path of the first of them; need not be UTF-8
}

// pageNode is a page's block: it has layers or pages. L and P are [RawCBOR] to
// write it, [Descriptor] and [page] to read it.
type pageNode[L, P any] struct {
	header
	Layers []L `cbor:"layers,omitempty"`
	Pages  []P `cbor:"pages,omitempty"`
}

// cutter gathers entries into pages.
type cutter struct {
	emit    func(entries []RawCBOR, count uint64, first string) error
	entries []RawCBOR
	size    int    // of the entries, bytes
	count   uint64 // of the layers in them and beneath them
	first   string // path of the first
}

// add appends an entry for count layers of which the first is at path.
func (c *cutter) add(entry RawCBOR, count uint64, path string) error {
	if c.size+len(entry) > maxPage {
		if err := c.flush(); err != nil {
			return err
		}
	}
	if len(c.entries) == 0 {
		c.first = path
	}
	c.entries = append(c.entries, entry)
	c.size += len(entry)
	c.count += count
	if c.size >= minPage && endsPage(path) {
		return c.flush()
	}
	return nil
}

// flush ends the page, if one has begun.
func (c *cutter) flush() error {
	if len(c.entries) == 0 {
		return nil
	}
	err := c.emit(c.entries, c.count, c.first)
	clear(c.entries)
	*c = cutter{emit: c.emit, entries: c.entries[:0]}
	return err
}

// pagePages puts pages into pages of the level above.
func pagePages(pages []page, put func(Block) error) (above []page, err error) {
	c := cutter{emit: func(entries []RawCBOR, count uint64, first string) error {
		b, err := encodeNode(opBuildManifest, pageNode[RawCBOR, RawCBOR]{header: header{version}, Pages: entries})
		if err != nil {
			return err
		}
		above = append(above, page{Link: b.CID, Count: count, First: []byte(first)})
		return put(b)
	}}
	for _, p := range pages {
		entry, err := dagcbor.Marshal(p)
		if err != nil {
			return nil, fault.Wrap(fault.Other, opBuildManifest, "", err)
		}
		if err := c.add(entry, p.Count, string(p.First)); err != nil {
			return nil, err
		}
	}
	return above, c.flush()
}

// checkPages holds what block c says of its pages to their order.
func checkPages(op string, c CID, pages []page) error {
	var total uint64
	last := ""
	for _, p := range pages {
		first := string(p.First)
		switch {
		case p.Link.Codec != Cbor || p.Count < 1 || p.Count > math.MaxInt64-total:
			return fault.New(fault.Invalid, op, c.String(), "a page is not well formed")
		case first != "" && ComparePaths(first, last) <= 0, first == "" && last != "":
			return fault.New(fault.Invalid, op, c.String(), "pages are out of order")
		case first != "":
			if err := ValidatePath(first); err != nil {
				return fault.Wrap(fault.Other, op, c.String(), err)
			}
		}
		total += p.Count
		last = first
	}
	return nil
}

// sequence checks layers one after another.
type sequence struct {
	unnamed int    // layers without a path
	last    string // path of the layer before; "" while none has one
	leaf    string // the same where that layer is no directory: nothing may lie beneath it
}

// next returns d's path, or what is wrong with d where it stands.
func (s *sequence) next(op string, d Descriptor) (string, error) {
	if err := d.check(op, true); err != nil {
		return "", err
	}
	path, err := d.checkEntry()
	if err != nil {
		return "", fault.Wrap(fault.Other, op, "", err)
	}
	bad := func(format string, args ...any) (string, error) {
		return "", fault.New(fault.Invalid, op, quote(path), format, args...)
	}
	switch {
	case path == "" && s.last != "":
		return bad("a layer without a path comes after one with a path")
	case path == "" && s.unnamed == MaxUnnamed:
		return "", fault.New(fault.TooLarge, op, "", "more than %d layers have no path", MaxUnnamed)
	case path == "":
		s.unnamed++
		return "", nil
	case path == s.last:
		return bad("two layers have this path")
	case ComparePaths(path, s.last) < 0:
		return bad("the layer comes after %s", quote(s.last))
	case s.leaf != "" && strings.HasPrefix(path, s.leaf+"/"):
		return bad("it lies beneath %s, which is not a directory", quote(s.leaf))
	}
	s.last, s.leaf = path, path
	if d.MediaType == TypeDirectory {
		s.leaf = ""
	}
	return path, nil
}
