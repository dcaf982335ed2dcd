package conformance_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// builtType is the predicate type of the attestations here.
const builtType = "https://example.org/built/v1"

// cosign is one of the two versions, in a directory of its own and without the
// network.
type cosign struct {
	bin string
	old bool // 2.6: the bundle has to be asked for
	dir string
}

// eachCosign runs a test with both versions.
func eachCosign(t *testing.T, passphrase string, test func(*testing.T, cosign)) {
	for _, name := range []string{"cosign2", "cosign3"} {
		t.Run(name, func(t *testing.T) {
			c := cosign{bin: tool(t, name), old: name == "cosign2", dir: t.TempDir()}
			t.Setenv("COSIGN_PASSWORD", passphrase)
			t.Setenv("HOME", c.dir)
			for _, proxy := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
				t.Setenv(proxy, "http://127.0.0.1:9") // whatever is asked of the network fails
			}
			c.write(t, "services.json", []byte(`{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}`))
			c.write(t, "roots.json", []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`))
			test(t, c)
		})
	}
}

func (c cosign) path(name string) string { return filepath.Join(c.dir, name) }

func (c cosign) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(c.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return c.path(name)
}

func (c cosign) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(c.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// must runs a command that has to succeed.
func (c cosign) must(t *testing.T, args ...string) {
	t.Helper()
	if _, said, code := run(t, nil, c.bin, args...); code != 0 {
		t.Fatalf("cosign %q: exit code %d\n%s", args, code, said)
	}
}

// sign has cosign write a bundle over the file with a key: a signature, or an
// attestation where more arguments say of what.
func (c cosign) sign(t *testing.T, command, key, file string, more ...string) []byte {
	t.Helper()
	args := []string{command, "--yes", "--key", c.path(key), "--bundle", c.path("theirs.json")}
	if c.old {
		args = append(args, "--tlog-upload=false", "--new-bundle-format")
	} else {
		args = append(args, "--signing-config", c.path("services.json"), "--trusted-root", c.path("roots.json"))
	}
	c.must(t, append(append(args, more...), c.path(file))...)
	return c.read(t, "theirs.json")
}

// verify returns whether cosign accepts a bundle for a file by a public key,
// and what it said.
func (c cosign) verify(t *testing.T, command, public string, bundle []byte, file string, more ...string) (bool, string) {
	t.Helper()
	args := []string{command, "--key", c.path(public), "--bundle", c.write(t, "ours.json", bundle),
		"--insecure-ignore-tlog=true", "--trusted-root", c.path("roots.json")}
	if c.old {
		args = append(args, "--new-bundle-format")
	}
	_, said, code := run(t, nil, c.bin, append(append(args, more...), c.path(file))...)
	return code == 0, said
}

// pair writes a key of ours and returns its signer.
func (c cosign) pair(t *testing.T, name, passphrase string) trust.Signer {
	t.Helper()
	private, public, err := sigstore.GenerateKey(rand.Reader, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, name+".key", private)
	c.write(t, name+".pub", public)
	return c.open(t, name, passphrase)
}

// open opens a key that is one of the files.
func (c cosign) open(t *testing.T, name, passphrase string) trust.Signer {
	t.Helper()
	s, err := sigstore.OpenKey(c.read(t, name+".key"), []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// manifest writes a manifest to the file m.cbor and returns its block, and
// writes another to other.cbor.
func (c cosign) manifest(t *testing.T) dag.Block {
	t.Helper()
	build := func(name, artifactType string) dag.Block {
		b, err := dag.BuildManifest(dag.Manifest{ArtifactType: artifactType}, nil, func(dag.Block) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		c.write(t, name, b.Data)
		return b
	}
	build("other.cbor", "application/vnd.example.other")
	return build("m.cbor", "application/vnd.example.run")
}

// statement says of a manifest what a build would.
func statement(b dag.Block) sigstore.InToto {
	sum := sha256.Sum256(b.Data)
	return sigstore.InToto{
		Subjects:      []sigstore.Subject{{Name: "m.cbor", SHA256: sum[:], BLAKE3: b.CID.Digest[:]}},
		PredicateType: builtType,
		Predicate:     json.RawMessage(`{"by":"<ours>"}`),
	}
}

func TestCosignVerifiesOurBundles(t *testing.T) {
	eachCosign(t, "", func(t *testing.T, c cosign) {
		signer := c.pair(t, "ours", "secret")
		c.pair(t, "another", "secret")
		m := c.manifest(t)
		signature, err := sigstore.SignBlob(signer, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		attestation, err := sigstore.Attest(signer, statement(m))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct {
			command string
			bundle  []byte
			more    []string
		}{
			{"verify-blob", signature, nil},
			{"verify-blob-attestation", attestation, []string{"--type", builtType}},
		} {
			if ok, said := c.verify(t, v.command, "ours.pub", v.bundle, "m.cbor", v.more...); !ok {
				t.Errorf("%s refuses ours: %s", v.command, said)
			}
			if ok, _ := c.verify(t, v.command, "another.pub", v.bundle, "m.cbor", v.more...); ok {
				t.Errorf("%s takes another key", v.command)
			}
			if ok, _ := c.verify(t, v.command, "ours.pub", v.bundle, "other.cbor", v.more...); ok {
				t.Errorf("%s takes another manifest", v.command)
			}
		}
		if ok, _ := c.verify(t, "verify-blob-attestation", "ours.pub", attestation, "m.cbor", "--type", "https://example.org/other"); ok {
			t.Error("another type of predicate is taken")
		}
	})
}

func TestCosignSignsWithOurKey(t *testing.T) {
	const passphrase = "päss word"
	eachCosign(t, passphrase, func(t *testing.T, c cosign) {
		signer := c.pair(t, "ours", passphrase)
		m := c.manifest(t)

		public, said, code := run(t, nil, c.bin, "public-key", "--key", c.path("ours.key"))
		if code != 0 || !bytes.Equal(public, c.read(t, "ours.pub")) {
			t.Errorf("cosign reads the public key as %q %s", public, said)
		}
		v, err := sigstore.VerifyBundle(c.sign(t, "sign-blob", "ours.key", "m.cbor"), m.Data, signer.Key())
		if err != nil || v.Key != signer.Key().ID || v.Statement != nil {
			t.Errorf("the signature gives %+v, %v", v, err)
		}
		predicate := []byte(`{"by":"<cosign>"}`)
		c.write(t, "predicate.json", predicate)
		bundle := c.sign(t, "attest-blob", "ours.key", "m.cbor", "--type", builtType, "--predicate", c.path("predicate.json"))
		v, err = sigstore.VerifyBundle(bundle, m.Data, signer.Key())
		if err != nil || v.Statement == nil || v.Statement.PredicateType != builtType || !sameJSON(t, v.Statement.Predicate, predicate) {
			t.Errorf("the attestation gives %+v, %v", v, err)
		}
		_, err = sigstore.VerifyBundle(bundle, c.read(t, "other.cbor"), signer.Key())
		if !fault.Is(err, fault.Corrupt) {
			t.Errorf("for another manifest the attestation gives %v", err)
		}
	})
}

func TestCosignKeysAreOurs(t *testing.T) {
	const passphrase = "secret"
	eachCosign(t, passphrase, func(t *testing.T, c cosign) {
		c.must(t, "generate-key-pair", "--output-key-prefix", c.path("theirs"))
		m := c.manifest(t)
		signer := c.open(t, "theirs", passphrase)
		if !bytes.Equal(signer.Key().PEM(), c.read(t, "theirs.pub")) {
			t.Error("the public key differs from cosign's file")
		}
		bundle, err := sigstore.SignBlob(signer, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if ok, said := c.verify(t, "verify-blob", "theirs.pub", bundle, "m.cbor"); !ok {
			t.Errorf("cosign refuses its own key's signature: %s", said)
		}
		if _, err := sigstore.OpenKey(c.read(t, "theirs.key"), []byte("guess")); !fault.Is(err, fault.Denied) {
			t.Errorf("a wrong passphrase gives %v", err)
		}

		private, public, err := sigstore.ImportKey(c.read(t, "theirs.key"), []byte(passphrase), []byte("changed"))
		if err != nil || !bytes.Equal(public, c.read(t, "theirs.pub")) {
			t.Fatalf("imported as %q, %v", public, err)
		}
		c.write(t, "imported.key", private)
		t.Setenv("COSIGN_PASSWORD", "changed")
		v, err := sigstore.VerifyBundle(c.sign(t, "sign-blob", "imported.key", "m.cbor"), m.Data, signer.Key())
		if err != nil || v.Key != signer.Key().ID {
			t.Errorf("cosign's signature with the imported key gives %+v, %v", v, err)
		}
	})
}

// The hint is the one that cosign gives, so that a reader by it finds the key
// whoever signed.
func TestCosignHintsAlike(t *testing.T) {
	eachCosign(t, "", func(t *testing.T, c cosign) {
		signer := c.pair(t, "ours", "")
		m := c.manifest(t)
		ours, err := sigstore.SignBlob(signer, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		theirs := c.sign(t, "sign-blob", "ours.key", "m.cbor")
		hints := make([]string, 2)
		for i, bundle := range [][]byte{ours, theirs} {
			var b struct {
				VerificationMaterial struct{ PublicKey struct{ Hint string } }
			}
			if err := json.Unmarshal(bundle, &b); err != nil {
				t.Fatal(err)
			}
			hints[i] = b.VerificationMaterial.PublicKey.Hint
		}
		if slices.Contains(hints, "") || hints[0] != hints[1] {
			t.Errorf("ours and theirs are %q", hints)
		}
	})
}

// sameJSON reports whether two texts are the same JSON but for how they are
// written: cosign escapes what we do not.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var both [2]map[string]string
	for i, text := range [][]byte{a, b} {
		if err := json.Unmarshal(text, &both[i]); err != nil {
			t.Fatal(err)
		}
	}
	return both[0]["by"] == both[1]["by"] && len(both[0]) == len(both[1])
}
