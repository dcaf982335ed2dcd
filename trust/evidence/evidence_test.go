package evidence

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

const (
	repository = "acme/prod/report"
	predicate  = "https://example.org/test-result/v1"
)

// report publishes a signed and attested artifact of a few files, amid other
// events, and returns what to export of it.
func (w *world) report(signers ...*operator) Request {
	w.t.Helper()
	large := bytes.Repeat([]byte("0123456789abcdef"), 10<<10) // three chunks
	b := w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.report"},
		w.file("a/empty", nil), w.file("a/large", large), w.file("b", []byte("hello\n")), w.file("c", []byte("hello\n")))
	req := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}}
	for range 5 {
		w.publish("acme/other", w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.other"}))
	}
	req.Publication = w.publish(repository, b)
	req.Tag = w.tag(repository, "v1", b)
	for _, o := range signers {
		req.Referrers = append(req.Referrers, w.sign(o, repository, "v1", b), w.attest(o, repository, predicate, b))
	}
	w.publish("acme/other", w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.last"}))
	return req
}

func verify(t testing.TB, file []byte, w *world, roots ...trust.Key) (Report, error) {
	t.Helper()
	return Verify(context.Background(), bytes.NewReader(file), roots, w.now)
}

// A package proves all that it should to someone who has the node's key alone.
func TestNodeRoot(t *testing.T) {
	w := newWorld(t)
	alice := newOperator(t, "alice")
	w.addKey(alice)
	req := w.report(alice)
	file := w.export(req)
	r, err := verify(t, file, w, w.root())
	if err != nil {
		t.Fatal(err, r.Problems)
	}
	if r.Reference != req.Reference || r.Manifest != req.Manifest || !r.Content || r.Tag == nil || r.Tag.Index != req.Tag || r.Publication.Index != req.Publication {
		t.Errorf("the report says %+v", r)
	}
	if r.Bytes != 160<<10+6+uint64(len(layoutFile))*0+ociSize(w, req.Manifest)+2 || r.Blobs != 5 {
		t.Errorf("%d bytes in %d blobs", r.Bytes, r.Blobs)
	}
	if len(r.Logs) != 2 || r.Logs[1].Origin != testSite+"/acme" || r.Logs[1].Size != 10 {
		t.Errorf("the logs are %+v", r.Logs)
	}
	if len(r.Signers) != 3 {
		t.Fatalf("%d signers", len(r.Signers))
	}
	for _, s := range r.Signers {
		if s.Why != "" || s.Name != "alice" || s.Statement.Key != alice.public.ID || !s.Statement.Logged {
			t.Errorf("signer %+v", s)
		}
	}
	if !bytes.Equal(w.export(req), file) {
		t.Error("exported again it differs")
	}
}

// ociSize returns the bytes of an artifact's OCI manifest.
func ociSize(w *world, c dag.CID) uint64 {
	m, err := dag.DecodeManifest(w.blocks[c])
	w.must(err)
	return m.OCI.Size
}

func TestWithoutContent(t *testing.T) {
	w := newWorld(t)
	req := w.report()
	req.WithoutContent = true
	file := w.export(req)
	members, err := readTar(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if strings.HasPrefix(m.name, dirBlobs) || m.name == nameLayout || m.name == nameIndex {
			t.Errorf("%s is in it", m.name)
		}
	}
	r, err := verify(t, file, w, w.root())
	if err != nil || r.Content || r.Blobs != 0 || r.Manifest != req.Manifest {
		t.Errorf("%+v, %v", r, err)
	}
}

// An artifact whose layers are paged, with as many leaves and entries as take
// more than one tile.
func TestPaged(t *testing.T) {
	w := newWorld(t)
	var layers []dag.Descriptor
	for i := range 9000 {
		layers = append(layers, w.file(strings.Repeat("x", 30)+string(rune('a'+i%26))+"/"+hexOf(i), []byte{byte(i)}))
	}
	b := w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.tree"}, layers...)
	for range 300 {
		w.publish("acme/other", b)
	}
	req := Request{
		Manifest: b.CID, Reference: dag.Reference{Repository: repository, Digest: b.CID.Digest},
		Publication: w.publish(repository, b),
	}
	file := w.export(req)
	r, err := verify(t, file, w, w.root())
	if err != nil || r.Reference != req.Reference || r.Blobs != 256+2 {
		t.Fatal(r.Blobs, r.Reference, err)
	}
	members, err := readTar(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for i, m := range members {
		if !strings.HasPrefix(m.name, dirPages) {
			continue
		}
		pages++
		without := writeTar(t, slices.Delete(slices.Clone(members), i, i+1)...)
		refusedFor(t, w, without, m.name, "without it", w.root())
	}
	if pages < 10 {
		t.Errorf("only %d pages", pages)
	}
}

func hexOf(i int) string {
	return strings.Repeat("0", i%3) + string(rune('a'+i/676%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + string(rune('a'+i/17576%26))
}

// refusedFor fails unless a package is refused as corrupt or denied, and the
// member named.
func refusedFor(t testing.TB, w *world, file []byte, member, what string, roots ...trust.Key) {
	t.Helper()
	r, err := verify(t, file, w, roots...)
	if err == nil {
		t.Errorf("%s: %s: not noticed", member, what)
		return
	}
	if k := fault.KindOf(err); k != fault.Corrupt && k != fault.Denied && !(member == nameEvidence && k == fault.Invalid) {
		t.Errorf("%s: %s: %v is %v", member, what, err, k)
	}
	if !slices.ContainsFunc(r.Problems, func(p Problem) bool { return strings.Contains(p.String(), member) }) {
		t.Errorf("%s: %s: not named in %v", member, what, r.Problems)
	}
}

func TestRoots(t *testing.T) {
	w := newWorld(t)
	alice := newOperator(t, "alice")
	w.addKey(alice)
	file := w.export(w.report(alice))
	for _, tt := range []struct {
		what  string
		roots []trust.Key
	}{
		{"no root", nil},
		{"a root that signed nothing", []trust.Key{newOperator(t, "mallory").public}},
		{"a signer, who is no root", []trust.Key{alice.public}},
		{"a root too many", []trust.Key{w.root(), alice.public}},
	} {
		_, err := verify(t, file, w, tt.roots...)
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

// Every reader's error is passed on with its own kind.
func TestVerifyUnreadable(t *testing.T) {
	w := newWorld(t)
	gone := fault.New(fault.Unavailable, "read", "disk", "gone")
	_, err := Verify(context.Background(), failing{gone}, []trust.Key{w.root()}, w.now)
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, gone) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Verify(ctx, bytes.NewReader(w.export(w.report())), []trust.Key{w.root()}, w.now); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
