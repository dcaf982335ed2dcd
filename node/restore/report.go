package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// MaxProblems is how many problems a [Report] lists.
const MaxProblems = 1000

// Report is what [Verify] found.
type Report struct {
	Files, Bytes int64 // layers that are files and their content, as read
	Blocks       int64 // blocks read; one that is used again may be read again
	// Sealed counts the blobs whose chunks were verified as the ciphertext they
	// are, and whose whole-content digests cannot be.
	Sealed   int64
	Problems []Problem // ordered by part, path and text
	Unlisted int64     // problems beyond [MaxProblems]
}

// Problem is one thing that is wrong with an artifact.
type Problem struct {
	Part  Part
	Path  string  // of the layer; empty where the problem is not one of a layer's
	Block dag.CID // the block at fault; of a blob that is wrong as a whole, its root
	Kind  fault.Kind
	Text  string
}

// Part is a part of an artifact.
type Part string

// The parts of an artifact that can be wrong.
const (
	PartManifest Part = "manifest" // its own block
	PartPages    Part = "pages"    // the list of layers
	PartConfig   Part = "config"
	PartLayer    Part = "layer"
	PartOCI      Part = "oci" // the linked OCI manifest
)

// String returns "part path: text".
func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("%s: %s", p.Part, p.Text)
	}
	return fmt.Sprintf("%s %s: %s", p.Part, p.Path, p.Text)
}

// ledger collects what concurrent workers find.
type ledger struct {
	mu     sync.Mutex // guards report
	report Report
}

// add notes a problem.
func (l *ledger) add(p Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.report.Problems) == MaxProblems {
		l.report.Unlisted++
		return
	}
	l.report.Problems = append(l.report.Problems, p)
}

// count adds to the sums.
func (l *ledger) count(blocks, files, bytes, sealed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Blocks += blocks
	l.report.Files += files
	l.report.Bytes += bytes
	l.report.Sealed += sealed
}

// note adds err as a problem of the block it names, or else of block. It
// returns an error where err is no finding: where ctx has ended.
func (l *ledger) note(ctx context.Context, part Part, path string, block dag.CID, err error) error {
	if err == nil || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if at, ok := errors.AsType[*blockError](err); ok {
		block = at.cid
	}
	l.add(Problem{Part: part, Path: path, Block: block, Kind: fault.KindOf(err), Text: err.Error()})
	return nil
}

// verdict says in a line what n problems there are; l.mu is held.
func (l *ledger) verdict(n int64) string {
	if n == 1 {
		return l.report.Problems[0].String()
	}
	return fmt.Sprintf("%d problems, the first: %s", n, l.report.Problems[0])
}

// finish returns the report and its verdict.
func (l *ledger) finish(manifest dag.CID) (Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.report.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Part, b.Part), dag.ComparePaths(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
	n := int64(len(l.report.Problems)) + l.report.Unlisted
	if n == 0 {
		return l.report, nil
	}
	return l.report, fault.New(fault.Corrupt, "verify", manifest.Digest.String(), "%s", l.verdict(n))
}

// doubter gets blocks and believes nobody: it hashes each one again, and says
// in its errors which one it was.
type doubter struct {
	g dag.Getter
	l *ledger
}

func (d doubter) Get(ctx context.Context, c dag.CID) (dag.Block, error) {
	b, err := d.g.Get(ctx, c)
	if err == nil {
		b, err = dag.Check(c, b.Data)
	}
	if err != nil {
		return dag.Block{}, &blockError{cid: c, err: err}
	}
	d.l.count(1, 0, 0, 0)
	return b, nil
}

// blockError is an error about one block.
type blockError struct {
	cid dag.CID
	err error
}

func (e *blockError) Error() string { return e.err.Error() }
func (e *blockError) Unwrap() error { return e.err }
