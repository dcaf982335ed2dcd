package evidence

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// operator signs with an ECDSA key that follows from its name.
type operator struct {
	name    string
	public  trust.Key
	private *ecdsa.PrivateKey
}

func newOperator(t testing.TB, name string) *operator {
	t.Helper()
	scalar := sha256.Sum256([]byte("operator " + name))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		t.Fatal(err)
	}
	return &operator{name, keyOf(t, private.Public()), private}
}

func keyOf(t testing.TB, public crypto.PublicKey) trust.Key {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	k, err := trust.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (o *operator) Key() trust.Key { return o.public }

func (o *operator) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return o.private.Sign(nil, sum[:], crypto.SHA256)
}

// memLog is a log in memory.
type memLog struct {
	origin  string
	entries []eventlog.Entry
	tree    *eventlog.Tree
	tiles   map[[2]uint64][]byte
}

// world is a node in memory: blocks, its own log and that of one namespace.
type world struct {
	t      testing.TB
	key    ed25519.PrivateKey
	blocks map[dag.CID]dag.Block
	logs   map[string]*memLog
	now    time.Time
	salts  byte
}

const testSite = "example.org"

func newWorld(t testing.TB) *world {
	seed := sha256.Sum256([]byte("node"))
	w := &world{
		t: t, key: ed25519.NewKeyFromSeed(seed[:]), blocks: map[dag.CID]dag.Block{}, logs: map[string]*memLog{},
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	w.newLog("", eventlog.NodeOrigin(testSite, w.public()))
	w.newLog("acme", eventlog.NamespaceOrigin(testSite, "acme"))
	w.log("", eventlog.NamespaceClaimed, eventlog.Payload{Namespace: "acme", Origin: testSite + "/acme"})
	return w
}

func (w *world) public() ed25519.PublicKey { return w.key.Public().(ed25519.PublicKey) }

func (w *world) root() trust.Key { return keyOf(w.t, w.public()) }

func (w *world) newLog(namespace, origin string) {
	tree, err := eventlog.OpenTree(0, nil)
	w.must(err)
	w.logs[namespace] = &memLog{origin: origin, tree: tree, tiles: map[[2]uint64][]byte{}}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// log appends an event, a second after the one before.
func (w *world) log(namespace string, kind eventlog.Kind, p eventlog.Payload) uint64 {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	w.salts++
	e, err := eventlog.NewEntry(kind, w.now.UnixMilli(), sha256.Sum256([]byte{w.salts}), p)
	w.must(err)
	l := w.logs[namespace]
	l.entries = append(l.entries, e)
	l.tree.Append(e.Hash())
	for _, tile := range l.tree.Changed() {
		l.tiles[[2]uint64{uint64(tile.Level), tile.Index}] = bytes.Clone(tile.Hashes)
	}
	return l.tree.Size() - 1
}

// Get implements [Source].
func (w *world) Get(_ context.Context, c dag.CID) (dag.Block, error) {
	b, ok := w.blocks[c]
	if !ok {
		return b, fault.New(fault.NotFound, "get", c.String(), "no such block")
	}
	return b, nil
}

// Checkpoint implements [Source].
func (w *world) Checkpoint(_ context.Context, namespace string) (eventlog.Checkpoint, []byte, error) {
	l := w.logs[namespace]
	c := eventlog.Checkpoint{Origin: l.origin, Size: l.tree.Size(), Root: l.tree.Root()}
	s, err := eventlog.Signer(l.origin, w.key)
	w.must(err)
	signed, err := c.Sign(s)
	return c, signed, err
}

// Entries implements [Source].
func (w *world) Entries(_ context.Context, namespace string, from, to uint64, fn func(uint64, eventlog.Entry) error) error {
	for i := from; i < to; i++ {
		if err := fn(i, w.logs[namespace].entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// ReadTile implements [Source].
func (w *world) ReadTile(_ context.Context, namespace string, t eventlog.Tile) ([]byte, error) {
	return w.logs[namespace].tiles[[2]uint64{uint64(t.Level), t.Index}][:32*t.Width], nil
}

func (w *world) put(b dag.Block) error {
	w.blocks[b.CID] = b
	return nil
}

// file returns a layer with this content.
func (w *world) file(path string, data []byte) dag.Descriptor {
	w.t.Helper()
	tree := dag.NewTreeBuilder("default", w.put)
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 64<<10)
		b := dag.NewBlock(dag.Raw, rest[:n])
		w.must(w.put(b))
		w.must(tree.Add(b.CID, n))
		rest = rest[n:]
	}
	sum := sha256.Sum256(data)
	blob, err := tree.Finish(dag.Digests{"sha256": sum[:]})
	w.must(err)
	if len(data) == 0 {
		w.must(w.put(dag.EmptyBlock()))
	}
	return dag.FileLayer(path, 0o644, blob)
}

func (w *world) artifact(m dag.Manifest, layers ...dag.Descriptor) dag.Block {
	w.t.Helper()
	b, err := dag.BuildManifest(m, layers, w.put)
	w.must(err)
	return b
}

// publish logs the publication of an artifact without a tag.
func (w *world) publish(repository string, b dag.Block) uint64 {
	m, err := dag.DecodeManifest(b)
	w.must(err)
	return w.log("acme", eventlog.ArtifactPublished, eventlog.Payload{Repository: repository, Manifest: &b.CID, ArtifactType: m.ArtifactType})
}

func (w *world) tag(repository, tag string, b dag.Block) uint64 {
	return w.log("acme", eventlog.TagSet, eventlog.Payload{Repository: repository, Tag: tag, Manifest: &b.CID})
}

const (
	typeSignature   = "application/vnd.artifact-store.signature.v1"
	typeAttestation = "application/vnd.artifact-store.attestation.v1"
)

// attach publishes bundles as an artifact that refers to b.
func (w *world) attach(repository string, b dag.Block, artifactType string, bundles map[string][]byte) uint64 {
	w.t.Helper()
	subject, err := dag.NewSubject(b)
	w.must(err)
	var layers []dag.Descriptor
	for title, data := range bundles {
		l := w.file(title, data)
		l.MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
		layers = append(layers, l)
	}
	m := w.artifact(dag.Manifest{ArtifactType: artifactType, Subject: &subject}, layers...)
	return w.log("acme", eventlog.SignatureAttached, eventlog.Payload{
		Repository: repository, Manifest: &m.CID, Subject: b.CID.Digest[:], ArtifactType: artifactType,
	})
}

// sign attaches a signature and a claim to the name.
func (w *world) sign(o *operator, repository, tag string, b dag.Block) uint64 {
	w.t.Helper()
	signature, err := sigstore.SignBlob(o, b.Data)
	w.must(err)
	namespace, _, _ := strings.Cut(repository, "/")
	claim := w.statement(o, b, trust.ClaimType, map[string]any{
		"namespace": namespace, "repository": repository, "tag": tag, "sequence": 1,
	})
	return w.attach(repository, b, typeSignature, map[string][]byte{"signature.sigstore.json": signature, "claim.sigstore.json": claim})
}

// attest attaches an attestation.
func (w *world) attest(o *operator, repository, predicateType string, b dag.Block) uint64 {
	w.t.Helper()
	return w.attach(repository, b, typeAttestation, map[string][]byte{
		"attestation.sigstore.json": w.statement(o, b, predicateType, map[string]any{"passed": true}),
	})
}

func (w *world) statement(o *operator, b dag.Block, predicateType string, predicate any) []byte {
	w.t.Helper()
	text, err := json.Marshal(predicate)
	w.must(err)
	sum := sha256.Sum256(b.Data)
	bundle, err := sigstore.Attest(o, sigstore.InToto{
		Subjects:      []sigstore.Subject{{Name: "manifest", SHA256: sum[:], BLAKE3: b.CID.Digest[:]}},
		PredicateType: predicateType, Predicate: text,
	})
	w.must(err)
	return bundle
}

// addKey registers an operator's key in the node's log.
func (w *world) addKey(o *operator) {
	w.log("", eventlog.KeyAdded, eventlog.Payload{Name: o.name, Key: string(o.public.ID), PEM: string(o.public.PEM())})
}

// export returns a package.
func (w *world) export(req Request) []byte {
	w.t.Helper()
	var out bytes.Buffer
	_, err := Export(context.Background(), &out, w, req)
	w.must(err)
	return out.Bytes()
}

// setPolicy logs a policy document, signed.
func (w *world) setPolicy(envelope []byte, epoch uint64) {
	w.t.Helper()
	w.log("", eventlog.PolicySet, eventlog.Payload{Policy: envelope, Epoch: epoch})
}

// policyOf writes a policy under which the first of ops is root and admits
// what any of them signs in acme/prod, with an attestation of each type.
func (w *world) policyOf(epoch uint64, revoked string, types []string, ops ...*operator) []byte {
	w.t.Helper()
	var ids, keys, attestations []string
	for _, o := range ops {
		ids = append(ids, fmt.Sprintf("%q", o.public.ID))
		keys = append(keys, fmt.Sprintf(`%q:{"name":%q,"pem":%q}`, o.public.ID, o.name, o.public.PEM()))
	}
	for _, t := range types {
		attestations = append(attestations, fmt.Sprintf(`{"type":%q,"threshold":1,"keys":[%s]}`, t, strings.Join(ids, ",")))
	}
	var logs []string
	for _, l := range []*memLog{w.logs[""], w.logs["acme"]} {
		logs = append(logs, fmt.Sprintf("%q:%q", l.origin, eventlog.VerifierKey(l.origin, w.public())))
	}
	document := fmt.Sprintf(`{"version":1,"epoch":%d,"expires":"2027-01-01T00:00:00Z","roots":{"threshold":1,"keys":[%s]},"keys":{%s},"logs":{%s},"rules":[{"namespace":"acme/prod","publish":{"threshold":1,"keys":[%s]},"attestations":[%s]}],"revoked":[%s]}`,
		epoch, ids[0], strings.Join(keys, ","), strings.Join(logs, ","), strings.Join(ids, ","), strings.Join(attestations, ","), revoked)
	envelope, err := trust.Sign([]byte(document), ops[0])
	w.must(err)
	return envelope
}
