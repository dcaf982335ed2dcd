// Package crash kills nodes. A process that puts, tags, removes and collects
// from several goroutines is ended by SIGKILL, hundreds of times and again and
// again on the same directory; then what it had acknowledged must be there by
// its bytes, what it had removed must be gone, and nothing may be half visible.
//
// That the disk keeps what it was told to keep is not put to the test here but
// by the file systems in store/storetest, which forget what was not synced.
package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/chunk"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
	"github.com/tegwick/artifact-store/testnet/fixture"
)

const (
	// kills in all, of which each store takes its part.
	kills      = 200
	killsShort = 20
	stores     = 4

	trees = 200 // there are to put

	// A process is killed within this of its first acknowledgement, or, one in
	// four, within openWithin of its start: while it opens the store.
	within     = 300 * time.Millisecond
	openWithin = 80 * time.Millisecond
	patience   = 2 * time.Minute

	fsckEvery = 10 // checks
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envDir); dir != "" {
		os.Exit(childMain(dir, os.Getenv(envSeed)))
	}
	os.Exit(m.Run())
}

func TestKill(t *testing.T) {
	n := kills
	if testing.Short() {
		n = killsShort
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i := range stores {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			newTrial(t, seed+uint64(i)).run(n / stores)
		})
	}
}

// trial is one store with all that is done to it.
type trial struct {
	*testing.T
	rand  *rand.Rand
	base  string // holds the store and the trees
	dir   string
	made  map[uint64]fixture.Tree
	known map[dag.Digest]uint64
	sums  map[uint64]dag.Digest
	heads map[string]uint64 // how long each log was when it was seen last

	mu    sync.Mutex // guards repos while a process runs
	repos []*history
}

func newTrial(t *testing.T, seed uint64) *trial {
	base := t.TempDir()
	tr := &trial{
		T: t, rand: rand.New(rand.NewPCG(seed, 0)), base: base, dir: filepath.Join(base, "store"),
		made: make(map[uint64]fixture.Tree), known: make(map[dag.Digest]uint64), sums: make(map[uint64]dag.Digest), heads: make(map[string]uint64),
	}
	for range workers {
		tr.repos = append(tr.repos, newHistory())
	}
	for i := range uint64(trees) {
		tr.made[i] = fixture.Small(i)
		dir := filepath.Join(base, "trees", strconv.FormatUint(i, 10))
		if err := tr.made[i].Plant(dir); err != nil {
			t.Fatal(err)
		}
		tr.sums[i] = tr.sum(dir, i)
		tr.known[tr.sums[i]] = i
	}
	return tr
}

// nowhere forgets all that it is given.
type nowhere struct{}

func (nowhere) Receive(context.Context, dag.Block) (bool, error) { return true, nil }
func (nowhere) Flush(context.Context) error                      { return nil }

// sum returns the digest that a tree must get.
func (tr *trial) sum(dir string, tree uint64) dag.Digest {
	profile, err := chunk.Lookup(profileOf(tree))
	if err != nil {
		tr.Fatal(err)
	}
	res, err := ingest.Ingest(tr.Context(), nowhere{}, ingest.Request{Paths: []string{dir}, Profile: profile})
	if err != nil {
		tr.Fatal(err)
	}
	return res.Manifest.Digest
}

// run kills n processes, and looks after each one to four.
func (tr *trial) run(n int) {
	checks := 0
	for n > 0 {
		row := min(1+tr.rand.IntN(4), n)
		n -= row
		for range row {
			tr.kill()
		}
		checks++
		tr.check(n == 0 || checks%fsckEvery == 0)
	}
	acked := 0
	for _, h := range tr.repos {
		acked += h.acked
	}
	tr.Logf("%d operations acknowledged, %d checks", acked, checks)
	if acked < checks {
		tr.Errorf("only %d operations were acknowledged", acked)
	}
}

// kill starts a process on the store and kills it.
func (tr *trial) kill() {
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envDir+"="+tr.dir, envSeed+"="+strconv.FormatUint(tr.rand.Uint64(), 10))
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tr.Fatal(err)
	}
	begun, acknowledged, read := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { read <- tr.listen(bufio.NewScanner(out), begun, acknowledged) }()
	moment, delay := acknowledged, time.Duration(tr.rand.Int64N(int64(within)))
	if tr.rand.IntN(4) == 0 {
		moment, delay = begun, time.Duration(tr.rand.Int64N(int64(openWithin)))
	}
	select {
	case <-moment:
		<-time.After(delay)
	case <-time.After(patience):
		tr.Errorf("the process said nothing for %v", patience)
	case err := <-read:
		read <- err
	}
	_ = cmd.Process.Kill() // it may have ended by itself, which listen reports
	err = <-read
	_ = cmd.Wait() // it was killed
	if err != nil {
		tr.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	for _, h := range tr.repos {
		h.killed()
	}
}

// listen follows what a process says to its end. It closes begun when the
// process begins to open the store, and acknowledged at the first operation
// that is done.
func (tr *trial) listen(lines *bufio.Scanner, begun, acknowledged chan struct{}) error {
	first := true
	for lines.Scan() {
		word := strings.Fields(lines.Text())
		switch {
		case len(word) == 1 && word[0] == "open":
			close(begun)
		case len(word) == 1 && word[0] == "ready":
		case len(word) == 6 && (word[0] == "try" || word[0] == "ok"):
			if err := tr.heard(word); err != nil {
				return err
			}
			if word[0] == "ok" && first {
				first = false
				close(acknowledged)
			}
		default:
			return fmt.Errorf("the process said: %s", lines.Text())
		}
	}
	return lines.Err()
}

func (tr *trial) heard(word []string) error {
	worker, err := strconv.Atoi(word[1])
	if err != nil {
		return err
	}
	o, err := parseOp(word[2], word[3], word[4], word[5])
	if err != nil {
		return err
	}
	if o.verb == "put" {
		want := tr.sums[o.tree]
		if word[0] == "ok" && o.digest != want {
			return fmt.Errorf("tree %d is %s, not %s", o.tree, o.digest, want)
		}
		o.digest = want
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if word[0] == "try" {
		return tr.repos[worker].try(o)
	}
	return tr.repos[worker].acknowledge(o)
}

// check opens the store and compares with what may be there.
func (tr *trial) check(whole bool) {
	fixture.With(tr, tr.dir, func(ctx context.Context, n *node.Node) error {
		for i, h := range tr.repos {
			s, err := tr.read(ctx, n, repository(i))
			if err != nil {
				return err
			}
			if err := h.found(s); err != nil {
				return fmt.Errorf("%s: %w", repository(i), err)
			}
		}
		if err := tr.readLogs(ctx, n); err != nil {
			return err
		}
		if !whole {
			return nil
		}
		report, err := n.Fsck(ctx, nil)
		for _, p := range report.Problems {
			tr.Errorf("fsck: %+v", p)
		}
		return err
	})
}

// readLogs recomputes all logs. Each goes on from where it was seen last, and
// has an event for each operation that was acknowledged since.
func (tr *trial) readLogs(ctx context.Context, n *node.Node) error {
	logs, err := n.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		report, err := n.VerifyLog(ctx, l.Namespace, nil)
		if err != nil {
			return err
		}
		if was := tr.heads[l.Namespace]; report.Size < was {
			return fmt.Errorf("log %s had %d events, and has %d", l.Origin, was, report.Size)
		}
		tr.heads[l.Namespace] = report.Size
	}
	acked := 0
	for _, h := range tr.repos {
		acked += h.logged
	}
	if tr.heads["crash"] < uint64(acked) {
		return fmt.Errorf("%d operations were acknowledged, and the log has %d events", acked, tr.heads["crash"])
	}
	return nil
}

// read returns what a repository lists, all of which must be whole.
func (tr *trial) read(ctx context.Context, n *node.Node, repo string) (state, error) {
	s := make(state)
	err := n.List(ctx, repo, func(a node.Artifact) error {
		s[a.Digest()] = a.Tags
		return nil
	})
	if err != nil {
		return nil, err
	}
	for d, tags := range s {
		tree, ok := tr.known[d]
		if !ok {
			return nil, fmt.Errorf("%s@%s was never put", repo, d)
		}
		r := dag.Reference{Repository: repo, Digest: d}
		if _, report, err := n.Verify(ctx, r, nil); err != nil {
			return nil, fmt.Errorf("%w: %v", err, report.Problems)
		}
		if err := same(ctx, n, r, tr.made[tree]); err != nil {
			return nil, fmt.Errorf("%s: %w", r, err)
		}
		for _, tag := range tags {
			if got, err := n.Show(ctx, dag.Reference{Repository: repo, Tag: tag}, nil); err != nil || got.Artifact.Digest() != d {
				return nil, fmt.Errorf("%s:%s is not %s: %w", repo, tag, d, err)
			}
		}
	}
	return s, nil
}

// same compares an artifact with the tree that it was made of, byte by byte.
func same(ctx context.Context, n *node.Node, r dag.Reference, want fixture.Tree) error {
	seen := make(map[string]bool)
	_, err := n.Show(ctx, r, func(d dag.Descriptor) error {
		at, err := d.Path()
		seen[at] = true
		return err
	})
	if err != nil {
		return err
	}
	for at, e := range want {
		if e.Mode.IsDir() {
			continue // kept only where it is empty
		}
		if !seen[at] {
			return fmt.Errorf("%q is not in it", at)
		}
		if e.Target != "" {
			continue
		}
		var got bytes.Buffer
		if _, err := n.Cat(ctx, r, at, &got); err != nil {
			return err
		}
		if !bytes.Equal(got.Bytes(), e.Data) {
			return fmt.Errorf("%q has other content", at)
		}
	}
	return nil
}
