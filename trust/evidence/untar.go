package evidence

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/tegwick/artifact-store/dag/fault"
)

// tarReader reads the members of a tar that [tarWriter] wrote, and no other:
// every byte that is not content is compared with what the writer would have
// written. Its errors are [fault.Corrupt] and name the member.
type tarReader struct {
	r      io.Reader
	offset int64  // of what is read next
	name   string // of the current member, "" before the first
	size   int64  // of its content
	left   int64  // what is unread of it
	block  [blockSize]byte
	err    error // the first error; there is no reading on
}

const opRead = "read evidence"

// next goes to the next member, over what is unread of the current one. It
// returns [io.EOF] behind the last, where the tar is whole and nothing
// follows it.
func (t *tarReader) next() (name string, size int64, err error) {
	if t.err == nil {
		t.err = t.advance()
	}
	if t.err != nil {
		return "", 0, t.err
	}
	return t.name, t.size, nil
}

func (t *tarReader) advance() error {
	if _, err := io.Copy(io.Discard, t); err != nil {
		return err
	}
	if err := t.zeros(padding(t.size), "its padding is not zeros"); err != nil {
		return err
	}
	if err := t.full(t.block[:]); err != nil {
		return err
	}
	if t.block == [blockSize]byte{} {
		return t.end()
	}
	return t.enter()
}

// enter begins the member whose header was read.
func (t *tarReader) enter() error {
	raw, _, _ := bytes.Cut(t.block[:nameLen], []byte{0})
	name := string(raw)
	size, ok := parseSize(t.block[sizeOffset : sizeOffset+sizeLen])
	if !ok || !validName(name) || header(name, size) != t.block {
		return t.badHeader(name, "the header is not one that is written for this name")
	}
	if name <= t.name {
		return t.badHeader(name, "the member does not stand in order")
	}
	t.name, t.size, t.left = name, size, size
	return nil
}

// Read reads the content of the current member.
func (t *tarReader) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if t.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), t.left)]
	n, err := t.r.Read(p)
	t.offset += int64(n)
	t.left -= int64(n)
	if err != nil && t.left > 0 {
		t.err = t.cut(err)
		return n, t.err
	}
	return n, nil
}

// end reads the second block of zeros, and nothing behind it.
func (t *tarReader) end() error {
	if err := t.zeros(blockSize, "the end is not two blocks of zeros"); err != nil {
		return err
	}
	switch n, err := io.ReadFull(t.r, t.block[:1]); {
	case n > 0:
		return t.bad("bytes follow the end, at byte %d", t.offset)
	case errors.Is(err, io.EOF):
		return io.EOF
	default:
		return fault.Wrap(fault.Other, opRead, t.name, err)
	}
}

// zeros reads n zeros.
func (t *tarReader) zeros(n int64, otherwise string) error {
	if err := t.full(t.block[:n]); err != nil {
		return err
	}
	for _, b := range t.block[:n] {
		if b != 0 {
			return t.bad("%s", otherwise)
		}
	}
	return nil
}

func (t *tarReader) full(p []byte) error {
	n, err := io.ReadFull(t.r, p)
	t.offset += int64(n)
	if err != nil {
		return t.cut(err)
	}
	return nil
}

// cut says why reading ended early: the file is shorter than it says, or
// cannot be read.
func (t *tarReader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return t.bad("the file is cut off, at byte %d", t.offset)
	}
	return fault.Wrap(fault.Other, opRead, t.name, err)
}

func (t *tarReader) bad(format string, args ...any) error {
	return fault.New(fault.Corrupt, opRead, t.name, format, args...)
}

// badHeader names a member by what may be the damaged name, and by its place.
func (t *tarReader) badHeader(name, why string) error {
	before := t.name
	if before == "" {
		before = "the beginning"
	}
	return fault.New(fault.Corrupt, opRead, strings.Trim(strconv.QuoteToASCII(name), `"`),
		"%s, at byte %d, behind %s", why, t.offset-blockSize, before)
}

// parseSize reads the size of a header loosely: that it stands as it should is
// seen when the header is written again.
func parseSize(field []byte) (int64, bool) {
	if field[0] == 0x80 {
		var size uint64
		for _, b := range field[sizeLen-8:] {
			size = size<<8 | uint64(b)
		}
		return int64(size), int64(size) >= maxOctal
	}
	size, err := strconv.ParseInt(string(field[:sizeLen-1]), 8, 64)
	return size, err == nil && size >= 0
}
