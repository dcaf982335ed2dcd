package conformance_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/tegwick/artifact-store/dag/eventlog"
)

// patience is how long a program may take to listen.
const patience = 30 * time.Second

// witness is a running litewitness.
type witness struct {
	url   string
	db    string
	shell string // of its database
	name  string
	vkey  string // as the witness tells it
}

// startWitness runs a witness on loopback until the test ends.
func startWitness(t *testing.T) witness {
	t.Helper()
	program, shell := tool(t, "litewitness"), system(t, "sqlite3")
	const name = "witness.example.org/w1"
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	socket, fingerprint := serveKey(t, key)
	addr := freeAddress(t)
	w := witness{url: "http://" + addr, db: filepath.Join(t.TempDir(), "witness.db"), name: name, shell: shell}
	cmd := exec.CommandContext(t.Context(), program,
		"-name="+name, "-key="+fingerprint, "-ssh-agent="+socket, "-db="+w.db, "-listen="+addr)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is interrupted
	}()
	t.Cleanup(func() {
		<-ended
		if t.Failed() {
			t.Logf("litewitness said:\n%s", said.Bytes())
		}
	})
	w.vkey = w.await(t, ended)
	return w
}

// await returns when the witness answers, with the verifier key that it tells.
func (w witness) await(t *testing.T, ended <-chan struct{}) (vkey string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, page := w.do(ctx, http.MethodGet, "/", nil); status == http.StatusOK {
			return regexp.MustCompile(regexp.QuoteMeta(w.name) + `\+\S+`).FindString(page)
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatal("litewitness ended before it answered")
		case <-ctx.Done():
			t.Fatalf("litewitness does not answer at %s", w.url)
		}
	}
}

// knows tells the witness of a log, as an operator does.
func (w witness) knows(t *testing.T, l *ledger) {
	t.Helper()
	empty := eventlog.Hash(sha256.Sum256(nil))
	rows := fmt.Sprintf("INSERT INTO log VALUES ('%s', 0, '%s'); INSERT INTO key VALUES ('%s', '%s');",
		l.origin, empty, l.origin, l.vkey())
	if _, said, code := run(t, nil, w.shell, "-bail", w.db, rows); code != 0 {
		t.Fatalf("sqlite3: %s", said)
	}
}

// add submits a checkpoint as C2SP tlog-witness has it. The status is 0 where
// there is no answer.
func (w witness) add(t *testing.T, old uint64, proof []eventlog.Hash, checkpoint []byte) (status int, answer string) {
	t.Helper()
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintln(&body, hash)
	}
	fmt.Fprintf(&body, "\n%s", checkpoint)
	return w.do(t.Context(), http.MethodPost, "/add-checkpoint", &body)
}

// do sends a request over a connection of its own.
func (w witness) do(ctx context.Context, method, path string, body io.Reader) (status int, answer string) {
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, body)
	if err != nil {
		return 0, err.Error()
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// TestWitness has a witness cosign a log as it grows, by our checkpoints and
// consistency proofs, and refuse it when it forks.
func TestWitness(t *testing.T) {
	w := startWitness(t)
	l := newLedger(t, origin)
	l.grow(t, 300, "tool")
	if status, answer := w.add(t, 0, nil, l.checkpoint(t)); status != http.StatusNotFound {
		t.Fatalf("of a log it does not know the witness says %d %s", status, answer)
	}
	w.knows(t, l)
	w.cosigns(t, l, 0, nil)
	fork := l.fork(t)
	for _, size := range []uint64{301, 512, 513, 70_000} {
		old := l.tree.Size()
		l.grow(t, size, "tool")
		w.cosigns(t, l, old, l.consistency(t, old))
	}
	head := l.tree.Size()

	// The fork has other events from 300 on, and is shown at the size that the
	// witness has, further on, and as if the witness were still at 300.
	refuse := func(what string, old uint64, proof []eventlog.Hash, log *ledger, want int) {
		t.Helper()
		status, answer := w.add(t, old, proof, log.checkpoint(t))
		if status != want {
			t.Errorf("%s: the witness says %d %s, not %d", what, status, answer, want)
		}
	}
	fork.grow(t, head, "other")
	refuse("a fork at the same size", head, nil, fork, http.StatusUnprocessableEntity)
	refuse("a fork from an old size", 300, fork.consistency(t, 300), fork, http.StatusConflict)
	fork.grow(t, head+1, "other")
	refuse("a fork further on", head, fork.consistency(t, head), fork, http.StatusUnprocessableEntity)
	refuse("a proof left out", head, nil, fork, http.StatusUnprocessableEntity)

	l.grow(t, head+1, "tool")
	w.cosigns(t, l, head, l.consistency(t, head))
}

// cosigns submits the log, and has the cosigned checkpoint read by Torchwood
// and by us.
func (w witness) cosigns(t *testing.T, l *ledger, old uint64, proof []eventlog.Hash) {
	t.Helper()
	signed := l.checkpoint(t)
	status, lines := w.add(t, old, proof, signed)
	if status != http.StatusOK || !strings.HasPrefix(lines, "— "+w.name+" ") {
		t.Fatalf("from %d to %d the witness says %d %s", old, l.tree.Size(), status, lines)
	}
	cosigned := append(bytes.Clone(signed), lines...)
	if _, said, code := l.head().torchwood(t, cosigned, "-witness="+w.vkey, "checkpoint"); code != 0 {
		t.Errorf("the cosigned checkpoint: %s\n%s", said, cosigned)
	}
	if _, _, code := l.head().torchwood(t, signed, "-witness="+w.vkey, "checkpoint"); code != 1 {
		t.Errorf("the checkpoint counts as cosigned before it is:\n%s", signed)
	}
	v, err := eventlog.Verifier(l.origin, l.key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	head, err := eventlog.OpenCheckpoint(cosigned, l.origin, v)
	if err != nil || head.Size != l.tree.Size() || head.Root != l.tree.Root() {
		t.Errorf("the cosigned checkpoint opens as %+v, %v\n%s", head, err, cosigned)
	}
}

// serveKey is an agent of SSH's protocol with one key, which is how litewitness
// has its key. The socket's path is short: systems allow about 100 bytes.
func serveKey(t *testing.T, key ed25519.PrivateKey) (socket, fingerprint string) {
	t.Helper()
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "ssh")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed, below
			}
			serving.Go(func() {
				defer conn.Close()
				_ = agent.ServeAgent(ring, conn) // ends with the connection
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
		os.RemoveAll(dir)
	})
	return socket, ssh.FingerprintSHA256(public)
}

// freeAddress returns an address of loopback at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
