package sigstore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// update writes the golden file anew. It is frozen: only a new version of the
// format may change what is in it.
var update = flag.Bool("update", false, "rewrite the golden files of this package")

// vectors are testdata/vectors.json: what a key and bytes give.
type vectors struct {
	Private     string          `json:"private"` // encrypted with Passphrase
	Passphrase  string          `json:"passphrase"`
	Public      string          `json:"public"`
	KeyID       trust.KeyID     `json:"keyId"`
	Data        string          `json:"data"`
	Bundle      string          `json:"bundle"` // signs Data
	Statement   statementVector `json:"statement"`
	Payload     string          `json:"payload"` // encodes Statement
	Attestation string          `json:"attestation"`
}

type statementVector struct {
	Name          string          `json:"name"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

func TestGoldenVectors(t *testing.T) {
	data := []byte("hello, world\n")
	st := about(data)
	st.Subjects[0].BLAKE3 = blake3(data)
	attestation := must(sigstore.Attest(alice(t), st))(t)
	encoded := parse(t, attestation)["dsseEnvelope"].(object)["payload"].(string)
	payload := must(base64.StdEncoding.DecodeString(encoded))(t)
	got := vectors{
		Private:     string(must(os.ReadFile("testdata/alice.key"))(t)),
		Passphrase:  passphrase,
		Public:      string(alice(t).Key().PEM()),
		KeyID:       alice(t).Key().ID,
		Data:        string(data),
		Bundle:      string(must(sigstore.SignBlob(alice(t), data))(t)),
		Statement:   statementVector{st.Subjects[0].Name, st.PredicateType, st.Predicate},
		Payload:     string(payload),
		Attestation: string(attestation),
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(got); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/vectors.json"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := must(os.ReadFile(file))(t); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the format has changed: now it is\n%s", b.Bytes())
	}
}

// What the two cosigns wrote is accepted for ever.
func TestBundlesOfCosign(t *testing.T) {
	data := []byte("hello, world\n")
	for _, name := range []string{"cosign2-blob", "cosign3-blob", "cosign2-attestation", "cosign3-attestation"} {
		bundle := must(os.ReadFile("testdata/" + name + ".json"))(t)
		v, err := sigstore.VerifyBundle(bundle, data, bob(t).Key(), alice(t).Key())
		if err != nil || v.Key != alice(t).Key().ID {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		if _, err := sigstore.VerifyBundle(bundle, data[1:], alice(t).Key()); err == nil {
			t.Errorf("%s is accepted for other bytes", name)
		}
	}
}
