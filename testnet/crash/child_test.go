package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
	"github.com/tegwick/artifact-store/testnet/fixture"
)

// The child is this test's binary with these in its environment.
const (
	envDir  = "ARTIFACT_CRASH_DIR" // of the store; beside it the trees are planted
	envSeed = "ARTIFACT_CRASH_SEED"
)

const (
	workers = 4
	// keep is how many artifacts a worker lets its repository hold.
	keep = 6
)

// op is something that a worker asks of the node.
type op struct {
	verb   string // put, tag, untag, remove or collect
	tree   uint64 // of a put
	digest dag.Digest
	tag    string // "-" for none
}

// line is how the processes tell each other of it.
func (o op) line() string {
	return fmt.Sprintf("%s %d %s %s", o.verb, o.tree, o.digest, o.tag)
}

func parseOp(verb, tree, digest, tag string) (op, error) {
	n, errN := strconv.ParseUint(tree, 10, 64)
	d, errD := dag.ParseDigest(digest)
	return op{verb: verb, tree: n, digest: d, tag: tag}, errors.Join(errN, errD)
}

func repository(worker int) string { return fmt.Sprintf("crash/w%d", worker) }

// child works on the store until it is killed. Each worker has a repository of
// its own, so that what it does has one order; trees are shared by all. It says
// "try" before each operation and "ok" when that is acknowledged.
func child(dir string, seed uint64) error {
	say("open")
	cfg := node.Config{Dir: dir, StateDir: fixture.State(dir), Create: true, Holder: "crash"}
	return node.With(context.Background(), cfg, func(ctx context.Context, n *node.Node) error {
		say("ready")
		group, ctx := errgroup.WithContext(ctx)
		for i := range workers {
			w := &worker{n: n, id: i, rand: rand.New(rand.NewPCG(seed, uint64(i))), scratch: filepath.Join(filepath.Dir(dir), "trees")}
			group.Go(func() error { return w.run(ctx) })
		}
		return group.Wait()
	})
}

// stdout is written to by whole lines.
var stdout sync.Mutex

func say(format string, args ...any) {
	stdout.Lock()
	defer stdout.Unlock()
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

type worker struct {
	n       *node.Node
	id      int
	rand    *rand.Rand
	scratch string
}

func (w *worker) run(ctx context.Context) error {
	for {
		o, err := w.choose(ctx)
		if err != nil {
			return err
		}
		say("try %d %s", w.id, o.line())
		if err := w.do(ctx, &o); err != nil {
			return fmt.Errorf("%s: %w", o.line(), err)
		}
		say("ok %d %s", w.id, o.line())
	}
}

// choose draws what to do next, by what the worker's repository holds.
func (w *worker) choose(ctx context.Context) (op, error) {
	var have []node.Artifact
	err := w.n.List(ctx, repository(w.id), func(a node.Artifact) error {
		have = append(have, a)
		return nil
	})
	if err != nil {
		return op{}, err
	}
	o := op{verb: "put", tree: w.rand.Uint64N(trees), tag: w.tag()}
	dice := w.rand.IntN(100)
	if len(have) == 0 || dice < 50 && len(have) < keep {
		return o, nil
	}
	a := have[w.rand.IntN(len(have))]
	o.digest = a.Digest()
	switch {
	case dice < 3:
		o.verb = "collect"
	case dice < 60:
		o.verb = "remove"
	case dice < 80 && len(a.Tags) > 0:
		o.verb, o.tag = "untag", a.Tags[w.rand.IntN(len(a.Tags))]
	case o.tag != "-":
		o.verb = "tag"
	}
	return o, nil
}

// tag draws a tag, of few, so that they move; "-" is none.
func (w *worker) tag() string {
	return []string{"-", "a", "b", "c"}[w.rand.IntN(4)]
}

func (w *worker) do(ctx context.Context, o *op) error {
	repo := repository(w.id)
	switch o.verb {
	case "put":
		return w.put(ctx, o)
	case "tag":
		_, err := w.n.Tag(ctx, dag.Reference{Repository: repo, Digest: o.digest}, repo, o.tag)
		return err
	case "untag":
		_, err := w.n.Remove(ctx, dag.Reference{Repository: repo, Tag: o.tag}, false)
		return err
	case "remove":
		_, err := w.n.Remove(ctx, dag.Reference{Repository: repo, Digest: o.digest}, true)
		return err
	}
	_, err := w.n.Collect(ctx, node.CollectRequest{Dead: 0.1, Compression: "s2"})
	if fault.Is(err, fault.Conflict) {
		return nil // another worker's is running
	}
	return err
}

func (w *worker) put(ctx context.Context, o *op) error {
	dir := filepath.Join(w.scratch, strconv.FormatUint(o.tree, 10))
	req := node.PutRequest{Repository: repository(w.id), Profile: profileOf(o.tree), Content: ingest.Request{Paths: []string{dir}}}
	if o.tag != "-" {
		req.Tag = o.tag
	}
	res, err := w.n.Put(ctx, req)
	if err == nil {
		o.digest = res.Artifact.Digest()
	}
	return err
}

func profileOf(tree uint64) string {
	if tree%8 == 0 {
		return "fine"
	}
	return "default"
}

// childMain is what the process does instead of running tests.
func childMain(dir, seedText string) int {
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err == nil {
		err = child(dir, seed)
	}
	say("failed: %v", err)
	return 1
}
