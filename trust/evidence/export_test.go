package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// A publication under a tag needs no event of the tag's own.
func TestPublishedUnderTag(t *testing.T) {
	w := newWorld(t)
	b := w.artifact(dag.Manifest{}, w.file("note", []byte("hello\n")))
	req := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}}
	req.Publication = w.log("acme", eventlog.ArtifactPublished, eventlog.Payload{Repository: repository, Tag: "v1", Manifest: &b.CID})
	req.Tag = req.Publication
	r, err := verify(t, w.export(req), w, w.root())
	if err != nil || r.Reference != req.Reference || r.Tag == nil || r.Tag.Index != req.Tag {
		t.Errorf("%+v, %v", r, err)
	}
}

// Content without a sha256 is there by its blake3, where that is of the whole;
// the artifact then has no OCI manifest.
func TestContentWithoutSHA256(t *testing.T) {
	w := newWorld(t)
	layer := w.file("note", []byte("hello\n"))
	layer.Digests = nil
	b := w.artifact(dag.Manifest{}, layer)
	req := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Digest: b.CID.Digest}, Publication: w.publish(repository, b)}
	file := w.export(req)
	members := opened(t, file)
	if !strings.HasPrefix(members[0].name, dirBlake3) || string(members[0].data) != "hello\n" {
		t.Errorf("the first member is %s", members[0].name)
	}
	r, err := verify(t, file, w, w.root())
	if err != nil || r.Blobs != 1 || r.Bytes != 6 {
		t.Errorf("%+v, %v", r, err)
	}
	members[0].data[0] ^= 1
	refusedFor(t, w, writeTar(t, members...), members[0].name, "flipped", w.root())

	large := w.file("large", make([]byte, 200<<10))
	large.Digests = nil
	b = w.artifact(dag.Manifest{}, large)
	req = Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Digest: b.CID.Digest}, Publication: w.publish(repository, b)}
	if _, err := Export(context.Background(), io.Discard, w, req); !fault.Is(err, fault.Invalid) || fault.HintOf(err) == "" {
		t.Error("a tree without a digest of the whole:", err)
	}
	req.WithoutContent = true
	if _, err := verify(t, w.export(req), w, w.root()); err != nil {
		t.Error("without content:", err)
	}
}

// What the logs do not bear out is not written.
func TestExportRefuses(t *testing.T) {
	w := newWorld(t)
	alice := newOperator(t, "alice")
	good := w.report(alice)
	lying := w.file("note", []byte("hello\n"))
	sum := sha256.Sum256([]byte("something else"))
	lying.Digests = dag.Digests{"sha256": sum[:]}
	b := w.artifact(dag.Manifest{}, lying)
	lie := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Digest: b.CID.Digest}, Publication: w.publish(repository, b)}
	for _, tt := range []struct {
		what   string
		kind   fault.Kind
		change func(r *Request)
	}{
		{"no repository", fault.Invalid, func(r *Request) { r.Reference = dag.Reference{Digest: r.Manifest.Digest} }},
		{"another publication", fault.Corrupt, func(r *Request) { r.Publication-- }},
		{"an index beyond the log", fault.Corrupt, func(r *Request) { r.Publication = 1 << 40 }},
		{"another tag", fault.Corrupt, func(r *Request) { r.Reference.Tag = "v2" }},
		{"another repository", fault.Corrupt, func(r *Request) { r.Reference.Repository = "acme/other" }},
		{"an event that is none of a signature", fault.Corrupt, func(r *Request) { r.Referrers = []uint64{0} }},
		{"a manifest that is not there", fault.NotFound, func(r *Request) { r.Manifest.Digest[0]++ }},
		{"a signature itself", fault.Invalid, func(r *Request) { r.Publication = r.Referrers[0] }},
		{"too many referrers", fault.Invalid, func(r *Request) { r.Referrers = make([]uint64, MaxReferrers+1) }},
		{"content of another digest", fault.Corrupt, func(r *Request) { *r = lie }},
	} {
		req := good
		tt.change(&req)
		if _, err := Export(context.Background(), io.Discard, w, req); !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v is %v", tt.what, err, fault.KindOf(err))
		}
	}
	full := errors.New("the disk is full")
	if _, err := Export(context.Background(), failingWriter{full}, w, good); !errors.Is(err, full) {
		t.Error(err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

// An event whose payload was erased proves nothing any more.
func TestErased(t *testing.T) {
	w := newWorld(t)
	req := w.report()
	e := &w.logs["acme"].entries[req.Publication]
	*e = eventlog.Entry{Leaf: e.Leaf}
	if _, err := Export(context.Background(), io.Discard, w, req); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

// The log may grow while a package is written: it is of one checkpoint.
func TestGrowingLog(t *testing.T) {
	w := newWorld(t)
	req := w.report()
	g := growing{w}
	var out bytes.Buffer
	if _, err := Export(context.Background(), &out, g, req); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, out.Bytes(), w, w.root()); err != nil {
		t.Error(err)
	}
}

// growing is a node whose namespace's log grows with every checkpoint.
type growing struct{ *world }

func (g growing) Checkpoint(ctx context.Context, namespace string) (eventlog.Checkpoint, []byte, error) {
	c, signed, err := g.world.Checkpoint(ctx, namespace)
	for range 3 {
		g.publish("acme/other", g.artifact(dag.Manifest{}, g.file("x", nil)))
	}
	return c, signed, err
}

// Whatever is accepted is what was exported.
func FuzzVerify(f *testing.F) {
	w, file := guarded(f)
	seeds := [][]byte{file}
	req := w.report()
	req.WithoutContent = true
	seeds = append(seeds, w.export(req))
	w.setPolicy(w.policyOf(1, "", nil, newOperator(f, "alice")), 1)
	seeds = append(seeds, w.export(req))
	for _, s := range seeds {
		f.Add(s)
	}
	roots := []trust.Key{w.root()}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := Verify(context.Background(), bytes.NewReader(file), roots, w.now)
		if err == nil && !slices.ContainsFunc(seeds, func(s []byte) bool { return bytes.Equal(s, file) }) {
			t.Fatalf("accepted: %+v", r)
		}
		if (err == nil) != (len(r.Problems) == 0) || fault.KindOf(err) == fault.Other && err != nil {
			t.Fatalf("%v with %v", err, r.Problems)
		}
	})
}

// FuzzMember changes one member of a package, as a whole.
func FuzzMember(f *testing.F) {
	w, file := guarded(f)
	members := opened(f, file)
	for i, m := range members {
		f.Add(uint8(i), m.data)
	}
	roots := []trust.Key{w.root()}
	f.Fuzz(func(t *testing.T, at uint8, data []byte) {
		i := int(at) % len(members)
		changed := slices.Clone(members)
		changed[i].data = data
		_, err := Verify(context.Background(), bytes.NewReader(writeTar(t, changed...)), roots, w.now)
		if same := bytes.Equal(data, members[i].data); same != (err == nil) {
			t.Fatalf("%s: %v", members[i].name, err)
		}
	})
}

// TestVector holds the format to the package that was written when it was
// frozen: it is verified for ever, and written the same.
func TestVector(t *testing.T) {
	w, _, bob := governed(t)
	b := w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.note"}, w.file("note", []byte("hello, world\n")))
	req := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}}
	req.Publication, req.Tag = w.publish(repository, b), w.tag(repository, "v1", b)
	req.Referrers = []uint64{w.sign(bob, repository, "v1", b), w.attest(bob, repository, predicate, b)}
	frozen, err := os.ReadFile("testdata/package-v1.tar")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile("testdata/root-v1.pub")
	if err != nil {
		t.Fatal(err)
	}
	root, err := trust.ParseKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify(t, frozen, w, root)
	if err != nil || r.Reference != req.Reference || len(r.Signers) != 3 || !r.Current.Allowed {
		t.Errorf("%+v, %v", r, err)
	}
	if !bytes.Equal(w.export(req), frozen) {
		t.Error("it is written otherwise")
	}
}
