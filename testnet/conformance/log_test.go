package conformance_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tegwick/artifact-store/dag/eventlog"
)

const origin = "log.example.org/acme"

// The sizes at which tiles begin, fill and get a level above them.
var sizes = []uint64{0, 1, 2, 255, 256, 257, 512, 65_535, 65_536, 65_793, 70_000}

// TestExportedLogs has every reader read logs that the library made.
func TestExportedLogs(t *testing.T) {
	l := newLedger(t, origin)
	for _, size := range sizes {
		l.grow(t, size, "tool")
		log := l.export(t)
		t.Run(fmt.Sprint(size), func(t *testing.T) { log.check(t, size) })
	}
}

// check has the stock readers read the log, as files and over HTTP.
func (e exported) check(t *testing.T, size uint64) {
	server := httptest.NewServer(http.FileServerFS(os.DirFS(e.dir)))
	defer server.Close()
	t.Run("tessera", func(t *testing.T) {
		for _, at := range []string{e.files(), server.URL} {
			if said, ok := e.fsck(t, at, size); !ok {
				t.Errorf("fsck of %s at size %d:\n%s", at, size, said)
			}
		}
	})
	t.Run("torchwood", func(t *testing.T) {
		for _, at := range []string{e.dir, server.URL} {
			if got := uint64(len(e.read(t, at))); got != size {
				t.Errorf("the client reads %d of %d entries at %s", got, size, at)
			}
		}
	})
}

// files returns the directory as a URL.
func (e exported) files() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(e.dir)}).String()
}

// fsck runs Tessera's checker, whose exit code is 0 whatever it finds: ok is
// that it says it has checked a log of that size.
func (e exported) fsck(t *testing.T, at string, size uint64) (said string, ok bool) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "log.vkey")
	if err := os.WriteFile(key, []byte(e.vkey), 0o644); err != nil {
		t.Fatal(err)
	}
	// A worker gives up at the first damage; with one alone the checker would
	// then wait for ever to hand out the next tile.
	_, said, _ = run(t, nil, tool(t, "fsck"), "-ui=false", "-N=8", "-storage_url="+at, "-public_key="+key, "-origin="+e.origin)
	return said, strings.Contains(said, fmt.Sprintf("Successfully fsck'd log with size %d and root", size))
}

// torchwood runs a command of ours on Torchwood's library.
func (e exported) torchwood(t *testing.T, stdin []byte, args ...string) (stdout []byte, said string, code int) {
	t.Helper()
	return run(t, stdin, tool(t, "torchwood"), append([]string{"-origin=" + e.origin, "-key=" + e.vkey}, args...)...)
}

// read has Torchwood's client verify the checkpoint and read all entries, each
// of which it holds against the tiles and the tiles against the checkpoint.
func (e exported) read(t *testing.T, at string) (entries []string) {
	t.Helper()
	out, said, code := e.torchwood(t, nil, "read", at)
	if code != 0 {
		t.Fatalf("reading %s: %s", at, said)
	}
	return strings.Fields(string(out))
}

// TestFsckNoticesDamage keeps the test above from passing for nothing: with a
// byte of any file changed the checker does not say that all is well.
func TestFsckNoticesDamage(t *testing.T) {
	l := newLedger(t, origin)
	l.grow(t, 300, "tool")
	log := l.export(t)
	files := 0
	err := filepath.WalkDir(log.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		damaged := bytes.Clone(data)
		damaged[len(damaged)/2] ^= 1
		if err := os.WriteFile(name, damaged, 0o644); err != nil {
			return err
		}
		if said, ok := log.fsck(t, log.files(), 300); ok {
			t.Errorf("fsck does not notice a changed byte in %s:\n%s", name, said)
		}
		return os.WriteFile(name, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if said, ok := log.fsck(t, log.files(), 300); !ok || files != 6 {
		t.Errorf("of %d files as they were fsck says:\n%s", files, said)
	}
}

// TestTorchwoodReadsWhatWasLogged compares what Torchwood's client yields.
func TestTorchwoodReadsWhatWasLogged(t *testing.T) {
	l := newLedger(t, origin)
	l.grow(t, 600, "tool")
	log := l.export(t)
	var want []string
	for _, leaf := range l.leaves {
		want = append(want, hex.EncodeToString(leaf))
	}
	if got := log.read(t, log.dir); !slices.Equal(got, want) {
		t.Errorf("the client reads\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTorchwoodVerifiesProofs has Torchwood verify our C2SP tlog-proofs, and
// refuse them for another entry.
func TestTorchwoodVerifiesProofs(t *testing.T) {
	l := newLedger(t, origin)
	l.grow(t, 70_000, "tool")
	log := l.head()
	for _, index := range []uint64{0, 1, 255, 256, 65_535, 65_536, 69_999} {
		proof := l.prove(t, index)
		text, err := proof.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		leaf := tlog.RecordHash(l.leaves[index])
		if _, said, code := log.torchwood(t, text, "verify", hex.EncodeToString(leaf[:])); code != 0 {
			t.Errorf("proof of entry %d: %s\n%s", index, said, text)
		}
		other := tlog.RecordHash(l.leaves[(index+1)%l.tree.Size()])
		if _, _, code := log.torchwood(t, text, "verify", hex.EncodeToString(other[:])); code != 1 {
			t.Errorf("the proof of entry %d proves another", index)
		}
	}
}

// TestProofsOfTorchwood has us verify proofs that Torchwood makes.
func TestProofsOfTorchwood(t *testing.T) {
	l := newLedger(t, origin)
	l.grow(t, 70_000, "tool")
	log := l.export(t)
	v, err := note.NewVerifier(log.vkey)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []uint64{0, 256, 65_536, 69_999} {
		text, said, code := log.torchwood(t, nil, "prove", log.dir, fmt.Sprint(index))
		if code != 0 {
			t.Fatalf("proving entry %d: %s", index, said)
		}
		proof, err := eventlog.ParseProof(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if head, err := proof.Verify(tlog.RecordHash(l.leaves[index]), origin, v); err != nil || head.Size != l.tree.Size() {
			t.Errorf("the proof is of %+v, %v\n%s", head, err, text)
		}
		if _, err := proof.Verify(tlog.RecordHash(l.leaves[index+1-2*(index%2)]), origin, v); err == nil {
			t.Errorf("the proof of entry %d proves another", index)
		}
	}
}
