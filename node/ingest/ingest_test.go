package ingest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/ingest"
)

func random(seed uint64, n int) []byte {
	buf := make([]byte, n)
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	rand.NewChaCha8(s).Read(buf)
	return buf
}

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, data, 0o644))
	check(t, os.Chmod(path, 0o644))
	return path
}

// Sizes on both sides of every border: chunk, slab, small and large.
var sizes = []int{0, 1, 16 << 10, 256<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 17, 11 << 20}

func TestFileAndStreamAreTheSameBlob(t *testing.T) {
	for i, n := range sizes {
		data := random(uint64(i), n)
		path := write(t, filepath.Join(t.TempDir(), "name.bin"), data)
		res, fromFile := mustIngest(t, ingest.Request{Paths: []string{path}, WholeBLAKE3: true})
		_, fromStream := mustIngest(t, ingest.Request{
			Paths: []string{"-"}, StdinName: "name.bin", WholeBLAKE3: true,
			Stdin: iotest.OneByteReader(bytes.NewReader(data[:min(n, 100)])),
		})
		if n > 100 {
			_, fromStream = mustIngest(t, ingest.Request{
				Paths: []string{"-"}, StdinName: "name.bin", WholeBLAKE3: true, Stdin: iotest.HalfReader(bytes.NewReader(data)),
			})
		}
		d := fromFile.layers["name.bin"]
		if got := fromStream.layers["name.bin"]; got.Root != d.Root {
			t.Errorf("%d bytes: root %s from a file, %s from a stream", n, d.Root, got.Root)
		}
		if !bytes.Equal(fromFile.file(t, "name.bin"), data) {
			t.Errorf("%d bytes came back different", n)
		}
		sum, whole := sha256.Sum256(data), dag.Sum(data)
		if !bytes.Equal(d.Digest("sha256"), sum[:]) {
			t.Errorf("%d bytes: sha256 %x, want %x", n, d.Digest("sha256"), sum)
		}
		if !bytes.Equal(d.Digest("blake3"), whole[:]) {
			t.Errorf("%d bytes: blake3 %x, want %x", n, d.Digest("blake3"), whole)
		}
		if res.Files != 1 || res.Bytes != int64(n) || res.NewBytes != int64(n) || res.Chunks != res.NewChunks {
			t.Errorf("%d bytes: %+v", n, res)
		}
	}
}

func TestDigestsAreOptional(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "f"), random(1, 2<<20))
	res, a := mustIngest(t, ingest.Request{Paths: []string{path}, WithoutSHA256: true})
	if d := a.layers["f"]; len(d.Digests) != 0 || res.OCIDigest != "" || a.manifest.OCI != nil {
		t.Errorf("digests %v and OCI digest %q were not asked for", d.Digests, res.OCIDigest)
	}
}

func TestOCIManifest(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "f"), []byte("hello"))
	res, a := mustIngest(t, ingest.Request{
		Paths: []string{path}, ArtifactType: "application/vnd.test", Annotations: map[string]string{"k": "v"},
		ConfigType: "application/vnd.test.config+json", Config: []byte(`{"a":1}`),
	})
	json, err := a.sink.Get(t.Context(), a.manifest.OCI.Root)
	check(t, err)
	sum := sha256.Sum256(json.Data)
	if want := "sha256:" + hex.EncodeToString(sum[:]); res.OCIDigest != want {
		t.Errorf("OCI digest %s, want %s", res.OCIDigest, want)
	}
	if got := a.content(t, *a.manifest.Config); string(got) != `{"a":1}` {
		t.Errorf("config %q", got)
	}
	if a.manifest.ArtifactType != "application/vnd.test" || a.manifest.Annotations["k"] != "v" {
		t.Errorf("manifest %+v", a.manifest)
	}
	if res.Chunks != 1 || res.NewBytes != 5 {
		t.Errorf("the config is counted as content: %+v", res)
	}
	_, bare := mustIngest(t, ingest.Request{Paths: []string{path}, ConfigType: "application/vnd.test.config+json"})
	if got := bare.content(t, *bare.manifest.Config); string(got) != "{}" {
		t.Errorf("config %q, want {}", got)
	}
}

func TestDeduplicationIsCounted(t *testing.T) {
	dir := t.TempDir()
	data := random(3, 5<<20)
	write(t, filepath.Join(dir, "a"), data)
	s := newSink()
	req := ingest.Request{Paths: []string{dir}, Profile: profile(t)}
	first, err := ingest.Ingest(t.Context(), s, req)
	check(t, err)
	write(t, filepath.Join(dir, "b"), slices.Concat(data[:4<<20], []byte("new"), data[4<<20:]))
	write(t, filepath.Join(dir, "c"), []byte("small"))
	second, err := ingest.Ingest(t.Context(), s, req)
	check(t, err)
	if first.NewBytes != 5<<20 || first.NewChunks != first.Chunks {
		t.Errorf("first: %+v", first)
	}
	if second.Bytes != 10<<20+8 || second.NewChunks < 2 || second.NewBytes > 1<<20 {
		t.Errorf("second: %+v", second)
	}
}

func TestSparseFileTakesOneChunkOverAndOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	const size = 64<<20 + 5
	check(t, os.WriteFile(path, nil, 0o644))
	check(t, os.Truncate(path, size))
	s := newSink()
	received := 0
	s.hook = func(dag.Block) error { received++; return nil } // only the pipeline calls it here
	res, err := ingest.Ingest(t.Context(), s, ingest.Request{Paths: []string{path}, Profile: profile(t)})
	check(t, err)
	h := sha256.New()
	io.CopyN(h, zeros{}, size)
	if d := open(t, s, res.Manifest).layers["sparse"]; d.Size != size || !bytes.Equal(d.Digest("sha256"), h.Sum(nil)) {
		t.Errorf("sparse file described as %+v", d)
	}
	if res.NewChunks != 2 || received > int(res.Chunks)/2 {
		t.Errorf("%d chunks, %d received, %d new", res.Chunks, received, res.NewChunks)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestArguments(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one", "x"), []byte("x"))
	write(t, filepath.Join(dir, "two"), []byte("two"))
	check(t, os.Symlink(filepath.Join(dir, "one"), filepath.Join(dir, "link")))
	check(t, os.Symlink("two", filepath.Join(dir, "filelink")))
	at := func(names ...string) (paths []string) {
		for _, n := range names {
			if n != "-" {
				n = filepath.Join(dir, n)
			}
			paths = append(paths, n)
		}
		return paths
	}
	for _, c := range []struct{ paths, want []string }{
		{at("one"), []string{"x"}},
		{at("link"), []string{"x"}},
		{at("two"), []string{"two"}},
		{at("filelink"), []string{"filelink"}},
		{at("two", "one"), []string{"one/x", "two"}},
		{at("link", "one", "-"), []string{"link/x", "one/x", "stdin"}},
		{append(at("two"), dir+"/one/."), []string{"one/x", "two"}},
	} {
		_, a := mustIngest(t, ingest.Request{Paths: c.paths, Stdin: strings.NewReader("in")})
		if !slices.Equal(a.paths, c.want) {
			t.Errorf("%q gave %q, want %q", c.paths, a.paths, c.want)
		}
	}
	t.Chdir(filepath.Join(dir, "one"))
	_, a := mustIngest(t, ingest.Request{Paths: []string{".", "../two"}})
	if want := []string{"one/x", "two"}; !slices.Equal(a.paths, want) {
		t.Errorf("relative arguments gave %q, want %q", a.paths, want)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	f := write(t, filepath.Join(dir, "f"), []byte("f"))
	other := write(t, filepath.Join(dir, "sub", "f"), []byte("g"))
	p := profile(t)
	for name, c := range map[string]struct {
		req  ingest.Request
		want fault.Kind
		says string
	}{
		"no path":         {ingest.Request{Profile: p}, fault.Invalid, "no path"},
		"no profile":      {ingest.Request{Paths: []string{f}}, fault.Invalid, "profile"},
		"absent":          {ingest.Request{Paths: []string{f + "?"}, Profile: p}, fault.NotFound, f + "?"},
		"same name":       {ingest.Request{Paths: []string{f, other}, Profile: p}, fault.Invalid, other},
		"stdin twice":     {ingest.Request{Paths: []string{"-", "-"}, Stdin: zeros{}, Profile: p}, fault.Invalid, "twice"},
		"no stdin":        {ingest.Request{Paths: []string{"-"}, Profile: p}, fault.Invalid, "standard input"},
		"stdin name":      {ingest.Request{Paths: []string{"-"}, Stdin: zeros{}, StdinName: "../x", Profile: p}, fault.Invalid, "../x"},
		"root among some": {ingest.Request{Paths: []string{f, "/"}, Profile: p}, fault.Invalid, "no name"},
		"workers":         {ingest.Request{Paths: []string{f}, Workers: 99, Profile: p}, fault.Invalid, "99"},
		"artifact type":   {ingest.Request{Paths: []string{f}, ArtifactType: "no type", Profile: p}, fault.Invalid, "no type"},
		"annotation":      {ingest.Request{Paths: []string{f}, Annotations: map[string]string{"k": "\xff"}, Profile: p}, fault.Invalid, "metadata"},
		"untyped config":  {ingest.Request{Paths: []string{f}, Config: []byte("{}"), Profile: p}, fault.Invalid, "media type"},
		"huge config":     {ingest.Request{Paths: []string{f}, Config: make([]byte, 2<<20), ConfigType: "a/b", Profile: p}, fault.TooLarge, "config"},
	} {
		s := newSink()
		_, err := ingest.Ingest(t.Context(), s, c.req)
		if !fault.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v (%v), want %v and %q", name, err, fault.KindOf(err), c.want, c.says)
		}
		if len(s.blocks) != 0 && name != "same name" && name != "root among some" {
			t.Errorf("%s: %d blocks were received", name, len(s.blocks))
		}
	}
}

func TestTruncatedStreamIsAnError(t *testing.T) {
	r := io.MultiReader(bytes.NewReader(random(1, 100)), iotest.ErrReader(io.ErrUnexpectedEOF))
	_, err := ingest.Ingest(t.Context(), newSink(), ingest.Request{Paths: []string{"-"}, Stdin: r, Profile: profile(t)})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestUnreadableFileIsNamed(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user may read every file")
	}
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "secret"), []byte("s"))
	check(t, os.Chmod(path, 0))
	_, err := ingest.Ingest(t.Context(), newSink(), ingest.Request{Paths: []string{dir}, Profile: profile(t)})
	if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestSinkErrorEndsIt(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		write(t, filepath.Join(dir, "d", string(rune('a'+i))), random(uint64(i), 1000+i*60000))
	}
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine stays behind
		full := fault.New(fault.Full, "receive", "", "no room")
		s := newSink()
		n := 0
		s.hook = func(dag.Block) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if n++; n > 60 {
				return full
			}
			return nil
		}
		_, err := ingest.Ingest(t.Context(), s, ingest.Request{Paths: []string{dir}, Profile: profile(t)})
		if !errors.Is(err, full) || !fault.Is(err, fault.Full) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCancelMidway(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "large"), random(1, 30<<20))
	for i := range 300 {
		write(t, filepath.Join(dir, "d", string(rune('a'+i%26)), string(rune('a'+i/26))), random(uint64(i), 3000))
	}
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine stays behind
		cause := errors.New("the user pressed a key")
		for after := 1; after < 28; after += 3 {
			ctx, cancel := context.WithCancelCause(t.Context())
			s := newSink()
			n := 0
			s.hook = func(dag.Block) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				if n++; n == after*after {
					cancel(cause)
				}
				return ctx.Err()
			}
			_, err := ingest.Ingest(ctx, s, ingest.Request{Paths: []string{dir}, Profile: profile(t), Progress: func(ingest.Event) {}})
			if n >= after*after && err != cause {
				t.Fatalf("cancelled after %d blocks: %v", after*after, err)
			}
			cancel(nil)
		}
	})
}

// stuck is a stream of which the second Read blocks until it is let go.
type stuck struct {
	reading chan struct{}
	letGo   chan struct{}
	n       int
}

func (s *stuck) Read(p []byte) (int, error) {
	if s.n++; s.n == 1 {
		return copy(p, "begin"), nil
	}
	close(s.reading)
	<-s.letGo
	return 0, io.EOF
}

func TestCancelWhileAStreamBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		r := &stuck{reading: make(chan struct{}), letGo: make(chan struct{})}
		go func() { <-r.reading; cancel(cause) }()
		_, err := ingest.Ingest(ctx, newSink(), ingest.Request{Paths: []string{"-"}, Stdin: r, Profile: profile(t)})
		if err != cause {
			t.Errorf("got %v", err)
		}
		close(r.letGo)
	})
}

func TestProgressAddsUp(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "large"), random(1, 4<<20))
	write(t, filepath.Join(dir, "d", "small"), random(2, 1000))
	var last ingest.Event
	res, _ := mustIngest(t, ingest.Request{Paths: []string{dir}, Progress: func(e ingest.Event) { last = e }})
	if last.Files != res.Files || last.Bytes != res.Bytes {
		t.Errorf("progress ended at %+v of %+v", last, res)
	}
	if last.Known && (last.TotalFiles != 2 || last.TotalBytes != res.Bytes) {
		t.Errorf("the total is %+v", last)
	}
}
