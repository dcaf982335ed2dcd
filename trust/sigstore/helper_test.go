package sigstore_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// passphrase opens the keys in testdata.
const passphrase = "open, sesame"

// signerOf opens a key in testdata, once for all tests: it costs a scrypt.
func signerOf(name string) func() (trust.Signer, error) {
	return sync.OnceValues(func() (trust.Signer, error) {
		private, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			return nil, err
		}
		return sigstore.OpenKey(private, []byte(passphrase))
	})
}

var openAlice, openBob = signerOf("alice.key"), signerOf("bob.key")

func alice(t testing.TB) trust.Signer { return must(openAlice())(t) }
func bob(t testing.TB) trust.Signer   { return must(openBob())(t) }

// must ends the test where a call fails.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantKind fails where err is not of a kind.
func wantKind(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%v is %s, want %s", err, fault.KindOf(err), kind)
	}
}

// about is a statement with data as its only subject.
func about(data []byte) sigstore.InToto {
	sum := sha256.Sum256(data)
	return sigstore.InToto{
		Subjects:      []sigstore.Subject{{Name: "m.cbor", SHA256: sum[:]}},
		PredicateType: "https://example.org/built/v1",
		Predicate:     json.RawMessage(`{"by":"a < b & c"}`),
	}
}

// object is JSON that a test bends.
type object = map[string]any

// parse returns a bundle as an object.
func parse(t testing.TB, bundle []byte) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(bundle, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// text returns an object as JSON.
func text(t testing.TB, o any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// envelope returns a bundle whose payload, of any form and type, is signed as
// DSSE demands.
func envelope(t testing.TB, s trust.Signer, payloadType string, payload []byte) object {
	t.Helper()
	sig := must(s.Sign(dsse.PAE(payloadType, payload)))(t)
	o := parse(t, must(sigstore.SignBlob(s, nil))(t))
	delete(o, "messageSignature")
	o["dsseEnvelope"] = object{
		"payload":     base64.StdEncoding.EncodeToString(payload),
		"payloadType": payloadType,
		"signatures":  []any{object{"sig": base64.StdEncoding.EncodeToString(sig)}},
	}
	return o
}
