package evidence

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// layout puts the pages, and where content is asked for what makes an OCI
// image layout of it. It returns the content.
func (x *exporter) layout(ctx context.Context) (map[string]blob, error) {
	pages := savedPages{x}
	if x.req.WithoutContent {
		return nil, x.manifest.Layers(ctx, pages, "", func(dag.Descriptor) error { return nil })
	}
	x.content = true
	blobs, err := content(ctx, x.manifest, pages)
	if err != nil {
		return nil, err
	}
	tag := ""
	if x.tag != nil {
		tag = x.tag.Payload.Tag
	}
	index, err := indexFile(x.manifest, tag)
	if err != nil {
		return nil, err
	}
	if err := x.put(nameIndex, index); err != nil {
		return nil, err
	}
	return blobs, x.put(nameLayout, []byte(layoutFile))
}

// savedPages reads pages from the source, and puts them.
type savedPages struct{ x *exporter }

// Get implements [dag.Getter].
func (p savedPages) Get(ctx context.Context, c dag.CID) (dag.Block, error) {
	b, err := p.x.src.Get(ctx, c)
	if err != nil {
		return b, err
	}
	return b, p.x.put(pageName(c), b.Data)
}

// write writes the package.
func (x *exporter) write(ctx context.Context, w io.Writer, blobs map[string]blob) error {
	out := bufio.NewWriterSize(w, bufferSize)
	t := tarWriter{w: out}
	names := slices.AppendSeq(slices.Collect(maps.Keys(blobs)), maps.Keys(x.held))
	slices.Sort(names)
	for _, name := range names {
		var err error
		if b, ok := blobs[name]; ok {
			err = t.add(name, b.size, func(w io.Writer) error { return x.blob(ctx, name, b, w) })
			x.report.Bytes += uint64(b.size)
		} else {
			err = t.add(name, int64(len(x.held[name])), bytesTo(x.held[name]))
		}
		if err != nil {
			return err
		}
	}
	if err := t.close(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	x.describe(&x.report)
	x.report.Content, x.report.Blobs = x.content, len(blobs)
	return nil
}

// blob writes content, and holds it against the name that it will have: a
// manifest may have been published with another digest than its content has.
func (x *exporter) blob(ctx context.Context, name string, b blob, w io.Writer) error {
	if b.root.IsZero() {
		_, err := io.WriteString(w, dag.OCIEmpty)
		return err
	}
	h := newNameHash(name)
	if err := stream(ctx, x.src, b.root, io.MultiWriter(w, h)); err != nil {
		return err
	}
	if !h.matches() {
		return fault.New(fault.Corrupt, opExport, name, "the content has another digest than the manifest says")
	}
	return nil
}

// stream writes a blob, chunk by chunk.
func stream(ctx context.Context, g dag.Getter, root dag.CID, w io.Writer) error {
	r, err := dag.OpenBlob(ctx, g, root)
	if err != nil {
		return err
	}
	if r.Seal() != nil {
		return fault.New(fault.Invalid, opExport, root.String(), "the content is sealed")
	}
	return r.Chunks(ctx, 0, func(_ int64, c dag.CID, size int) error {
		b, err := g.Get(ctx, c)
		if err != nil {
			return err
		}
		if b.CID != c || len(b.Data) != size {
			return fault.New(fault.Corrupt, opExport, c.String(), "the chunk is not the %d bytes that its tree says", size)
		}
		_, err = w.Write(b.Data)
		return err
	})
}

// bytesTo writes data.
func bytesTo(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}
}
