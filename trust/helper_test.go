package trust_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// signer has a key that follows from its name.
type signer struct {
	name    string
	public  trust.Key
	private crypto.Signer
}

func (s *signer) Key() trust.Key { return s.public }

func (s *signer) Sign(message []byte) ([]byte, error) {
	if _, ok := s.private.(ed25519.PrivateKey); ok {
		return s.private.Sign(nil, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return s.private.Sign(nil, sum[:], crypto.SHA256) // RFC 6979
}

func (s *signer) id() trust.KeyID { return s.public.ID }

// newSigner makes the ECDSA key of a name.
func newSigner(t testing.TB, name string) *signer {
	t.Helper()
	scalar := sha256.Sum256([]byte(name))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	must(t, err)
	return &signer{name, keyOf(t, private.Public()), private}
}

// newEdSigner makes the Ed25519 key of a name.
func newEdSigner(t testing.TB, name string) *signer {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	return &signer{name, keyOf(t, private.Public()), private}
}

func keyOf(t testing.TB, public any) trust.Key {
	t.Helper()
	key, err := trust.ParseKey(pemOf(t, public))
	must(t, err)
	return key
}

func pemOf(t testing.TB, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// object is a JSON object as a test writes it.
type object = map[string]any

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return b
}

func quorum(threshold int, signers ...*signer) object {
	return object{"threshold": threshold, "keys": ids(signers...)}
}

func ids(signers ...*signer) []trust.KeyID {
	list := make([]trust.KeyID, 0, len(signers))
	for _, s := range signers {
		list = append(list, s.id())
	}
	return list
}

func keys(signers ...*signer) object {
	all := object{}
	for _, s := range signers {
		all[string(s.id())] = object{"name": s.name, "pem": string(s.public.PEM())}
	}
	return all
}

// with returns o with other members; one that is nil is left out.
func with(o object, more object) object {
	o = maps.Clone(o)
	maps.Copy(o, more)
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	return o
}

const expires = "2027-01-01T00:00:00Z"

var (
	now   = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	later = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) // when the policies of the tests expire
)

// cast is who appears in the tests.
type cast struct{ root, root2, ci, bob, eve, lead, mate *signer }

func newCast(t testing.TB) cast {
	return cast{
		newSigner(t, "root"), newEdSigner(t, "root2"), newSigner(t, "ci"), newEdSigner(t, "bob"),
		newSigner(t, "eve"), newSigner(t, "lead"), newSigner(t, "mate"),
	}
}

const sbom = "https://spdx.dev/Document"

// document is a policy under which ci and bob together publish in acme/prod,
// with a document of contents by ci; ci alone elsewhere in acme; and the lead
// says what is done in acme/team.
func (c cast) document(t testing.TB) object {
	seed := sha256.Sum256([]byte("node"))
	node, err := note.NewEd25519VerifierKey("example.org/acme", ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	must(t, err)
	return object{
		"version": 1, "epoch": 1, "expires": expires, "roots": quorum(1, c.root),
		"keys": keys(c.root, c.ci, c.bob, c.lead, c.mate),
		"logs": object{"example.org/acme": node},
		"rules": []object{
			{
				"namespace": "acme", "publish": quorum(1, c.ci),
				"delegate": with(quorum(1, c.lead, c.mate), object{"prefixes": []string{"acme/team"}}),
			},
			{
				"namespace": "acme/prod", "publish": quorum(2, c.ci, c.bob),
				"attestations": []object{with(quorum(1, c.ci), object{"type": sbom})},
			},
			{"namespace": "acme/frozen"},
		},
	}
}

// policy signs a document, by the root unless others are given, and opens it.
func (c cast) policy(t testing.TB, document object) *trust.Policy {
	t.Helper()
	p, err := trust.First(sign(t, document, c.root))
	must(t, err)
	return p
}

func sign(t testing.TB, document object, signers ...*signer) []byte {
	t.Helper()
	signed, err := trust.Sign(encode(t, document), signersOf(signers)...)
	must(t, err)
	return signed
}

func signersOf(list []*signer) (signers []trust.Signer) {
	for _, s := range list {
		signers = append(signers, s)
	}
	return signers
}

// next opens the policy that follows p.
func next(t testing.TB, p *trust.Policy, document object, signers ...*signer) *trust.Policy {
	t.Helper()
	q, err := p.Next(sign(t, document, signers...))
	must(t, err)
	return q
}

func manifest(name string) dag.CID {
	return dag.CID{Codec: dag.Cbor, Digest: dag.Sum([]byte(name))}
}

// asks is an artifact of the name "it" that asks for a name.
func asks(repository, tag string) trust.Subject {
	return trust.Subject{Repository: repository, Tag: tag, Manifest: manifest("it")}
}

func claim(s *signer, repository, tag string) trust.Statement {
	return trust.Statement{Type: trust.Claim, Key: s.id(), Digest: manifest("it").Digest, Repository: repository, Tag: tag}
}

func signature(s *signer) trust.Statement {
	return trust.Statement{Type: trust.Signature, Key: s.id(), Digest: manifest("it").Digest}
}

func attests(s *signer, predicate string) trust.Statement {
	return trust.Statement{Type: trust.Attestation, Key: s.id(), PredicateType: predicate, Digest: manifest("it").Digest}
}

// logged says where and when a statement was logged.
func logged(st trust.Statement, namespace string, index uint64, at time.Time) trust.Statement {
	st.Logged, st.Namespace, st.Index, st.Time = true, namespace, index, at
	return st
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKind asks that err is of one of some kinds.
func wantKind(t testing.TB, err error, kinds ...fault.Kind) {
	t.Helper()
	if err == nil || !slices.Contains(kinds, fault.KindOf(err)) {
		t.Errorf("got %v (%v), want %v", err, fault.KindOf(err), kinds)
	}
}
