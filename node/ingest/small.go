package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"math/bits"
	"os"

	"github.com/tegwick/artifact-store/dag"
)

// worker reads the files that it is sent, one after another.
func (in *ingest) worker(ctx context.Context, files <-chan file) error {
	var first error
	var buf []byte
	for f := range files {
		// After an error the rest is only let go of, until the walk has noticed.
		if first == nil && ctx.Err() != nil {
			first = context.Cause(ctx)
		}
		if first == nil {
			first = in.file(ctx, f, &buf)
		}
		f.place.dir.release()
	}
	return first
}

// file keeps one file. buf is the worker's, and grows as it is needed.
func (in *ingest) file(ctx context.Context, f file, buf *[]byte) error {
	if f.stream {
		c, err := in.large(ctx, giveUp{ctx, in.req.Stdin}, -1, in.meter.read)
		return in.kept(f, fileMode, c, err)
	}
	var (
		c       content
		mode    uint32
		data    []byte // of a small file
		counted int64
	)
	err := f.place.unchanged(ctx, func(r *os.File, info fs.FileInfo) (int64, error) {
		in.meter.read(-counted) // what an earlier attempt read is read again
		data, counted, mode = nil, 0, permissions(info)
		count := func(n int64) { counted += n; in.meter.read(n) }
		if size := info.Size(); size > smallMax {
			var err error
			c, err = in.large(ctx, r, size, count)
			return int64(c.size), err
		}
		n, err := readSmall(r, info.Size(), buf)
		count(int64(n))
		data = (*buf)[:n]
		return int64(n), err
	})
	if err == nil && data != nil {
		c, err = in.small(ctx, data)
	}
	return in.kept(f, mode, c, err)
}

// kept records a file, unless there was an error.
func (in *ingest) kept(f file, mode uint32, c content, err error) error {
	if err != nil {
		return describe(f.place.path, err)
	}
	in.add(record{kind: isFile, title: f.title, mode: mode, content: c})
	in.meter.file()
	return nil
}

// readSmall reads a file of size bytes into buf, and a byte more where there
// is one: the caller will see that it is not the size it should be.
func readSmall(r io.Reader, size int64, buf *[]byte) (int, error) {
	if want := int(size) + 1; len(*buf) < want {
		*buf = make([]byte, min(max(64<<10, 1<<bits.Len(uint(want))), smallMax+1))
	}
	n, err := fill(r, (*buf)[:size+1])
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// small keeps data as one blob.
func (in *ingest) small(ctx context.Context, data []byte) (content, error) {
	var sha, blake []byte
	if !in.req.WithoutSHA256 {
		h := sha256.Sum256(data)
		sha = h[:]
	}
	if in.req.WholeBLAKE3 {
		h := dag.Sum(data)
		blake = h[:]
	}
	w := in.newWriter(ctx)
	for len(data) > 0 {
		n := in.req.Profile.Cut(data)
		if err := w.chunk(data[:n]); err != nil {
			return content{}, err
		}
		data = data[n:]
	}
	return w.finish(sha, blake)
}

// writer makes one blob of chunks that it is given in order.
type writer struct {
	*ingest
	ctx    context.Context
	tree   *dag.TreeBuilder
	chunks int64

	// The chunk before, which in a run of zeros is the next one too. Comparing
	// takes a fraction of hashing, and where they differ next to nothing.
	data []byte
	cid  dag.CID
}

func (in *ingest) newWriter(ctx context.Context) *writer {
	put := func(b dag.Block) error { return in.put(ctx, b) }
	return &writer{ingest: in, ctx: ctx, tree: dag.NewTreeBuilder(in.req.Profile.ID(), put)}
}

// chunk receives the next chunk. data must stay as it is until forget.
func (w *writer) chunk(data []byte) error {
	if w.data == nil || !bytes.Equal(data, w.data) {
		b := dag.NewBlock(dag.Raw, data)
		fresh, err := w.sink.Receive(w.ctx, b)
		if err != nil {
			return err
		}
		if fresh {
			w.newChunks.Add(1)
			w.newBytes.Add(int64(len(data)))
		}
		w.data, w.cid = data, b.CID
	}
	w.chunks++
	return w.tree.Add(w.cid, len(data))
}

// slab receives the chunks of a slab; it is a stage of a [pipeline].
func (w *writer) slab(s *slab) error {
	from := 0
	for _, to := range s.cuts {
		if err := w.chunk(s.buf[from:to]); err != nil {
			return err
		}
		from = to
	}
	w.data = nil // the slab will be filled anew
	return nil
}

// finish returns what was written, with the hashes of the whole; either may be
// nil.
func (w *writer) finish(sha, blake []byte) (content, error) {
	c := content{sha256: sha, blake3: blake, chunks: w.chunks}
	blob, err := w.tree.Finish(c.digests())
	c.root, c.size, c.blake3 = blob.Root, blob.Size, blob.Digests["blake3"]
	return c, err
}
