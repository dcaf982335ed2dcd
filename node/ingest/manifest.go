package ingest

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// content is a [dag.Blob] without its map: an artifact may have millions.
type content struct {
	root           dag.CID
	size           uint64
	chunks         int64
	sha256, blake3 []byte // nil where they were not computed
}

var emptyContent = content{root: dag.EmptyBlock().CID}

func (c content) digests() dag.Digests {
	d := make(dag.Digests, 2)
	if c.sha256 != nil {
		d["sha256"] = c.sha256
	}
	if c.blake3 != nil {
		d["blake3"] = c.blake3
	}
	return d
}

func (c content) blob() dag.Blob {
	return dag.Blob{Root: c.root, Size: c.size, Digests: c.digests()}
}

type kind uint8

const (
	isFile kind = iota
	isDirectory
	isSymlink
)

// record is a layer to be.
type record struct {
	kind   kind
	title  string // its path in the artifact
	target string // of a symlink
	mode   uint32
	content
}

func (r record) layer() dag.Descriptor {
	switch r.kind {
	case isDirectory:
		return dag.DirectoryLayer(r.title, r.mode)
	case isSymlink:
		return dag.SymlinkLayer(r.title, r.target)
	}
	return dag.FileLayer(r.title, r.mode, r.blob())
}

// finish makes and sends all that the manifest takes, and flushes.
func (in *ingest) finish(ctx context.Context) (Result, error) {
	slices.SortFunc(in.records, func(a, b record) int { return dag.ComparePaths(a.title, b.title) })
	slices.SortFunc(in.skipped, func(a, b Skip) int { return strings.Compare(a.Path, b.Path) })
	config, err := in.config(ctx)
	if err != nil {
		return Result{}, fault.Wrap(fault.Other, op, "config", err)
	}
	put := func(b dag.Block) error { return in.put(ctx, b) }
	if slices.ContainsFunc(in.records, func(r record) bool { return r.size == 0 }) {
		if err := put(dag.EmptyBlock()); err != nil {
			return Result{}, fault.Wrap(fault.Other, op, "empty block", err)
		}
	}
	b := dag.NewManifestBuilder(dag.Manifest{
		ArtifactType: in.req.ArtifactType, Annotations: in.req.Annotations, Config: config,
	}, put)
	for _, r := range in.records {
		if err := b.Add(r.layer()); err != nil {
			return Result{}, fault.Wrap(fault.Other, op, r.title, err)
		}
	}
	block, err := b.Finish()
	if err != nil {
		return Result{}, fault.Wrap(fault.Other, op, "manifest", err)
	}
	if err := in.sink.Flush(ctx); err != nil {
		return Result{}, fault.Wrap(fault.Other, op, "flush", err)
	}
	return in.result(block)
}

// config keeps the config blob and describes it; nil where there is none.
func (in *ingest) config(ctx context.Context) (*dag.Descriptor, error) {
	if in.req.ConfigType == "" {
		return nil, nil
	}
	own := &ingest{req: in.req, sink: in.sink} // its chunks are not counted as content
	c, err := own.small(ctx, in.req.Config)
	if err != nil {
		return nil, err
	}
	return &dag.Descriptor{MediaType: in.req.ConfigType, Size: c.size, Root: c.root, Digests: c.digests()}, nil
}

func (in *ingest) result(manifest dag.Block) (Result, error) {
	m, err := dag.DecodeManifest(manifest)
	if err != nil {
		return Result{}, fault.Wrap(fault.Other, op, "manifest", err)
	}
	res := Result{
		Manifest: manifest.CID, Skipped: in.skipped,
		NewBytes: in.newBytes.Load(), NewChunks: in.newChunks.Load(),
	}
	if m.OCI != nil {
		res.OCIDigest = "sha256:" + hex.EncodeToString(m.OCI.Digest("sha256"))
	}
	for _, r := range in.records {
		switch r.kind {
		case isFile:
			res.Files++
		case isDirectory:
			res.Directories++
		case isSymlink:
			res.Symlinks++
		}
		res.Bytes += int64(r.size)
		res.Chunks += r.chunks
	}
	return res, nil
}
