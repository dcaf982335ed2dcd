package evidence

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// contents is what was read of a package: all members but content, and of
// content the sizes.
type contents struct {
	held  members
	blobs map[string]int64 // those that hash to their names
	bytes int64            // in held
	buf   []byte           // to hash content through
	found findings
}

// bufferSize is how much is read and written at once.
const bufferSize = 64 << 10

// read reads the members, and hashes content as it passes. What is wrong with
// the package is noted; an error is one of r, or of ctx.
func (c *contents) read(ctx context.Context, r io.Reader) error {
	t := tarReader{r: bufio.NewReaderSize(r, bufferSize)}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, size, err := t.next()
		if err == nil {
			err = c.member(name, size, &t)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case fault.Is(err, fault.Corrupt) || fault.Is(err, fault.TooLarge):
			c.found.note(t.name, err)
			return nil
		default:
			return err
		}
	}
}

// member reads one member. Over a limit it is [fault.TooLarge].
func (c *contents) member(name string, size int64, r io.Reader) error {
	if len(c.held)+len(c.blobs) >= MaxMembers {
		return fault.New(fault.TooLarge, opRead, name, "there are more than %d members", MaxMembers)
	}
	if strings.HasPrefix(name, dirBlobs) {
		return c.hash(name, r)
	}
	most := int64(MaxMember)
	if name == dirNode+nameLeaves || name == nameEvidence {
		most = MaxLarge
	}
	if c.bytes += size; size > most || c.bytes > MaxHeld {
		return fault.New(fault.TooLarge, opRead, name, "it has %d bytes, which is more than is held of one member, or of all", size)
	}
	var data bytes.Buffer
	_, err := io.Copy(&data, r)
	c.held[name] = data.Bytes()
	return err
}

// hash hashes content, and compares it with its name.
func (c *contents) hash(name string, r io.Reader) error {
	h := newNameHash(name)
	if c.buf == nil {
		c.buf = make([]byte, bufferSize)
	}
	n, err := io.CopyBuffer(h, onlyReader{r}, c.buf)
	if err != nil {
		return err
	}
	if !h.matches() {
		c.found.corrupt(name, "its %d bytes do not hash to its name", n)
		return nil
	}
	c.blobs[name] = n
	return nil
}

// nameHash hashes content that is named by its digest.
type nameHash struct {
	hash.Hash
	name, dir string
}

func newNameHash(name string) nameHash {
	if strings.HasPrefix(name, dirBlake3) {
		return nameHash{dag.NewHash(), name, dirBlake3}
	}
	return nameHash{sha256.New(), name, dirSHA256}
}

// matches reports whether what was hashed has the name.
func (h nameHash) matches() bool {
	return h.dir+hex.EncodeToString(h.Sum(nil)) == h.name
}

// onlyReader hides every other method, so that the buffer is used.
type onlyReader struct{ io.Reader }
