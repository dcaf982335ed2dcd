package ingest_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/ingest"
)

// A file is more than the pipeline holds at once, so that what happens while a
// chunk is received happens before the file is read to its end.
const longerThanThePipeline = 24 << 20

// whileRead ingests a long file and calls change while each chunk is received.
func whileRead(t *testing.T, change func(path string)) (string, *sink, ingest.Result, error) {
	path := write(t, filepath.Join(t.TempDir(), "log"), random(1, longerThanThePipeline))
	s := newSink()
	s.hook = func(b dag.Block) error {
		if b.CID.Codec == dag.Raw {
			change(path)
		}
		return nil
	}
	res, err := ingest.Ingest(t.Context(), s, ingest.Request{Paths: []string{path}, Profile: profile(t)})
	return path, s, res, err
}

func refused(t *testing.T, path string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), path) ||
		!strings.Contains(err.Error(), "changed while being read") || fault.HintOf(err) == "" {
		t.Errorf("got %v (%v), hint %q", err, fault.KindOf(err), fault.HintOf(err))
	}
}

func TestGrowingFileIsRefused(t *testing.T) {
	lines := make(chan string)
	var wg sync.WaitGroup
	wg.Go(func() { // a program that writes a log
		for path := range lines {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				f.WriteString("a line\n")
				f.Close()
			}
			lines <- ""
		}
	})
	path, s, _, err := whileRead(t, func(path string) { lines <- path; <-lines })
	close(lines)
	wg.Wait()
	refused(t, path, err)
	for cid := range s.blocks {
		if b, err := s.Get(t.Context(), cid); err == nil && cid.Codec == dag.Cbor {
			if _, err := dag.DecodeManifest(b); err == nil {
				t.Error("a manifest was received")
			}
		}
	}
}

func TestShrinkingFileIsRefused(t *testing.T) {
	size := int64(longerThanThePipeline)
	path, _, _, err := whileRead(t, func(path string) {
		size--
		os.Truncate(path, size)
	})
	refused(t, path, err)
}

func TestRewrittenFileIsRefused(t *testing.T) {
	when := time.Unix(1_000_000_000, 0)
	path, _, _, err := whileRead(t, func(path string) {
		when = when.Add(time.Second)
		os.Chtimes(path, when, when)
	})
	refused(t, path, err)
}

func TestFileThatSettlesIsReadAgain(t *testing.T) {
	var once sync.Once
	path, s, res, err := whileRead(t, func(path string) {
		once.Do(func() {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				f.WriteString("the last line")
				f.Close()
			}
		})
	})
	check(t, err)
	want, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Equal(open(t, s, res.Manifest).file(t, "log"), want) || !bytes.HasSuffix(want, []byte("the last line")) {
		t.Error("what was kept is not the file's last state")
	}
	if res.Bytes != int64(len(want)) {
		t.Errorf("%d bytes counted of %d", res.Bytes, len(want))
	}
}

// pair is a directory of two files, of which change is called with the
// second's path before the first is received.
func pair(t *testing.T, change func(second string)) (string, *sink, error) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), []byte("first"))
	second := write(t, filepath.Join(dir, "b"), []byte("second"))
	s := newSink()
	s.hook = func(b dag.Block) error {
		if string(b.Data) == "first" {
			change(second)
		}
		return nil
	}
	_, err := ingest.Ingest(t.Context(), s, ingest.Request{Paths: []string{dir}, Workers: 1, Profile: profile(t)})
	return second, s, err
}

func TestVanishedFileIsRefused(t *testing.T) {
	path, _, err := pair(t, func(second string) { os.Remove(second) })
	refused(t, path, err)
}

func TestSwappedLinkIsNotFollowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making symbolic links takes a privilege on Windows")
	}
	outside := write(t, filepath.Join(t.TempDir(), "passwords"), []byte("outside of the tree"))
	path, s, err := pair(t, func(second string) {
		os.Remove(second)
		os.Symlink(outside, second)
	})
	if err != nil { // the link itself is kept where the walk saw it first
		refused(t, path, err)
	}
	if s.holds("outside of the tree") {
		t.Error("what a swapped link points to was kept")
	}
}

// Files of /proc say that they are empty, and are not.
func TestFileOfUnknownLengthIsRefused(t *testing.T) {
	const path = "/proc/self/status"
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no %s here", path)
	}
	_, err := ingest.Ingest(t.Context(), newSink(), ingest.Request{Paths: []string{path}, Profile: profile(t)})
	refused(t, path, err)
}

func TestNoDescriptorStaysOpen(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("there is no /proc/self/fd here")
	}
	dir := t.TempDir()
	for i := range 200 {
		write(t, filepath.Join(dir, "d", string(rune('a'+i%26)), string(rune('a'+i/26))), random(uint64(i), 3000))
	}
	s := newSink()
	for after := range 30 {
		n := 0
		s.hook = func(dag.Block) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if n++; n > after*10 {
				return io.ErrClosedPipe
			}
			return nil
		}
		ingest.Ingest(t.Context(), s, ingest.Request{Paths: []string{dir}, Profile: profile(t)})
		if left := openBelow(t, dir); len(left) > 0 {
			t.Fatalf("after an error at block %d these are open: %q", after*10, left)
		}
	}
}

// openBelow returns what this process has open in dir.
func openBelow(t *testing.T, dir string) []string {
	fds, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	var left []string
	for _, fd := range fds {
		if at, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(at, dir) {
			left = append(left, at)
		}
	}
	return slices.Compact(left)
}
