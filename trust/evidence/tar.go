package evidence

import (
	"fmt"
	"io"

	"github.com/tegwick/artifact-store/dag/fault"
)

// blockSize is the unit of a tar (POSIX.1-2017 pax, "ustar Interchange
// Format").
const blockSize = 512

// Offsets and lengths in a ustar header.
const (
	nameLen    = 100
	sizeOffset = 124
	sizeLen    = 12
	sumOffset  = 148
	sumLen     = 8
)

// maxOctal is the first size that eleven octal digits do not hold.
const maxOctal = 1 << 33

// header is the one header of a regular file with this name and size: mode
// 0644, owner, group and time zero. A size of 8 GiB or more is in base 256,
// which every common tar reads. The name is 1 to 100 bytes.
func header(name string, size int64) (h [blockSize]byte) {
	copy(h[:nameLen], name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	if size < maxOctal {
		copy(h[sizeOffset:], fmt.Sprintf("%011o\x00", size))
	} else {
		h[sizeOffset] = 0x80
		for i, s := sizeOffset+sizeLen-1, size; s > 0; i, s = i-1, s>>8 {
			h[i] = byte(s)
		}
	}
	copy(h[136:], "00000000000\x00        0")
	copy(h[257:], "ustar\x0000")
	copy(h[329:], "0000000\x000000000\x00")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[sumOffset:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// padding returns the zeros behind content of this size.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// tarWriter writes members in the order of their names.
type tarWriter struct {
	w    io.Writer
	last string
}

const opWrite = "write evidence"

// add writes a member of exactly size bytes, that write gives. A name that is
// not 1 to 100 bytes of printable ASCII, or not after the one before it, is
// [fault.Invalid], and so is content of another size.
func (t *tarWriter) add(name string, size int64, write func(io.Writer) error) error {
	switch {
	case !validName(name):
		return fault.New(fault.Invalid, opWrite, "", "%.200q cannot name a member", name)
	case name <= t.last:
		return fault.New(fault.Invalid, opWrite, name, "it does not come after %s", t.last)
	case size < 0:
		return fault.New(fault.Invalid, opWrite, name, "a size of %d bytes", size)
	}
	t.last = name
	h := header(name, size)
	if _, err := t.w.Write(h[:]); err != nil {
		return err
	}
	content := &exactWriter{w: t.w, left: size}
	if err := write(content); err != nil {
		return fault.Wrap(fault.Other, opWrite, name, err)
	}
	if content.left != 0 {
		return fault.New(fault.Invalid, opWrite, name, "%d of its %d bytes are missing", content.left, size)
	}
	_, err := t.w.Write(make([]byte, padding(size)))
	return err
}

// close writes the end: two blocks of zeros.
func (t *tarWriter) close() error {
	_, err := t.w.Write(make([]byte, 2*blockSize))
	return err
}

// exactWriter refuses more than it expects.
type exactWriter struct {
	w    io.Writer
	left int64
}

func (e *exactWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > e.left {
		return 0, fault.New(fault.Invalid, opWrite, "", "there are more bytes than the member was announced with")
	}
	n, err := e.w.Write(p)
	e.left -= int64(n)
	return n, err
}

// validName reports whether a member may have this name.
func validName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= nameLen
}
