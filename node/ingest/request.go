package ingest

import (
	"context"
	"io"
	"io/fs"
	"path"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/chunk"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Sink takes the blocks of an artifact as they are made.
type Sink interface {
	// Receive takes b, and copies what it keeps of b.Data before it returns.
	// It is called from several goroutines at once, may block for room, and
	// says whether the block was new to the store.
	Receive(ctx context.Context, b dag.Block) (fresh bool, err error)
	// Flush returns when all that was received is durable.
	Flush(ctx context.Context) error
}

// Request says what to keep, and how.
type Request struct {
	// Paths are files, directories, or "-" for Stdin, at most once. The content
	// of a single directory stands at the artifact's root; a single file is one
	// layer titled by its base name; of several, each stands under its base
	// name. A symbolic link is followed where it is named here, and kept as a
	// link where it is found inside a directory.
	Paths []string
	// Stdin is read for "-", to its end, and becomes a file named StdinName
	// ("stdin" where that is empty). A Read that is blocked when the ingest
	// ends early is left behind to return by itself.
	Stdin     io.Reader
	StdinName string

	ArtifactType string
	Annotations  map[string]string
	// Config is the artifact's typed metadata, at most 1 MiB, and ConfigType its
	// media type; a type alone stands for {}.
	Config     []byte
	ConfigType string
	// Profile says how content is cut into chunks.
	Profile chunk.Profile
	// WithoutSHA256 leaves out the SHA-256 of each file, the dearest step. Such
	// an artifact has no OCI manifest.
	WithoutSHA256 bool
	// WholeBLAKE3 adds the BLAKE3-256 of each file of more than one chunk, at
	// the price of a second pass of that hash. A file of one chunk always has it.
	WholeBLAKE3 bool
	// Workers is how many small files are read at once, at most [MaxWorkers];
	// 0 chooses by the number of processors. The result does not depend on it.
	Workers int
	// Exclude describes directories, as [os.Stat] does, that are never kept,
	// wherever they are met: those of the store itself. As one of Paths such a
	// directory is [fault.Invalid]; in another it is skipped.
	Exclude []fs.FileInfo
	// Progress, where set, is told how far the work is.
	Progress Progress
}

// Result tells what was kept. Counts are of what the artifact holds, except
// for NewBytes and NewChunks: what the sink did not have before.
type Result struct {
	Manifest    dag.CID // the artifact's digest is this CID's
	OCIDigest   string  // "sha256:<hex>" of the derived OCI manifest; "" where there is none
	Files       int64   // regular files, streams included
	Symlinks    int64
	Directories int64 // those kept as entries: empty, or of a mode that is not 0755
	Bytes       int64
	NewBytes    int64
	Chunks      int64
	NewChunks   int64
	Skipped     []Skip // in path order
}

// Skip names something inside a directory that is not kept: a socket, a FIFO or
// a device, which have no content, a file that an interrupted restore left
// behind ([dag.IsPartialName]), or what Request.Exclude names.
type Skip struct {
	Path   string // on this machine
	Reason string
}

const (
	// MaxWorkers bounds Request.Workers, and with it the memory of an ingest.
	MaxWorkers = 8

	// The slabs that a large file streams through, the greatest small file,
	// which a worker holds whole, and the greatest config.
	slabSize  = 1 << 20
	slabCount = 8
	smallMax  = 1 << 20
	maxConfig = 1 << 20

	// attempts is how often a file is read that changes under the reader.
	attempts = 3

	op        = "ingest"
	stdinPath = "-"
	stdinName = "stdin"
)

// checked returns req with its defaults, or [fault.Invalid].
func (req Request) checked() (Request, error) {
	if len(req.Paths) == 0 {
		return req, fault.New(fault.Invalid, op, "", "no path is given")
	}
	if n := req.Profile.Max(); n <= 0 || n > smallMax {
		return req, fault.New(fault.Invalid, op, "", "the request has no usable chunk profile")
	}
	if len(req.Config) > maxConfig {
		return req, fault.New(fault.TooLarge, op, "config", "%d bytes; at most %d", len(req.Config), maxConfig)
	}
	if req.Workers < 0 || req.Workers > MaxWorkers {
		return req, fault.New(fault.Invalid, op, "", "%d workers; want 0 to %d", req.Workers, MaxWorkers)
	}
	if req.StdinName == "" {
		req.StdinName = stdinName
	}
	if err := req.checkStdin(); err != nil {
		return req, err
	}
	return req.checkMetadata()
}

// checkMetadata has a manifest without layers made of what the caller says of
// the artifact, since it would be late to learn of a mistake after the reading.
func (req Request) checkMetadata() (Request, error) {
	if req.Config != nil && req.ConfigType == "" {
		return req, fault.New(fault.Invalid, op, "config", "it has no media type")
	}
	m := dag.Manifest{ArtifactType: req.ArtifactType, Annotations: req.Annotations}
	if req.ConfigType != "" {
		if len(req.Config) == 0 {
			req.Config = []byte(dag.OCIEmpty)
		}
		blob := dag.EmptyBlob()
		m.Config = &dag.Descriptor{MediaType: req.ConfigType, Root: blob.Root, Digests: blob.Digests}
	}
	_, err := dag.NewManifestBuilder(m, func(dag.Block) error { return nil }).Finish()
	return req, fault.Wrap(fault.Other, op, "metadata", err)
}

func (req Request) checkStdin() error {
	n := 0
	for _, p := range req.Paths {
		if p == stdinPath {
			n++
		}
	}
	switch {
	case n == 0:
		return nil
	case n > 1:
		return fault.New(fault.Invalid, op, stdinPath, "standard input is named twice")
	case req.Stdin == nil:
		return fault.New(fault.Invalid, op, stdinPath, "there is no standard input")
	case !fs.ValidPath(req.StdinName) || req.StdinName == ".":
		return fault.New(fault.Invalid, op, req.StdinName, "not a path inside an artifact")
	case dag.IsPartialName(path.Base(req.StdinName)):
		return fault.New(fault.Invalid, op, req.StdinName, "%s", partial)
	}
	return nil
}
