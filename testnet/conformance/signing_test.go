package conformance_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/testnet/fixture"
)

// ours is the program on a store beside cosign's files. It takes the passphrase
// from COSIGN_PASSWORD, as cosign does.
type ours struct {
	cosign
	program string
}

// eachCosignWithOurs runs a test with both versions of cosign and the program.
// The artifact acme/app:v1 is in the store, and its manifest in m.cbor.
func eachCosignWithOurs(t *testing.T, test func(*testing.T, ours)) {
	tool(t, "cosign2") // before the program is built for nothing
	program := fixture.Build(t)
	eachCosign(t, "secret", func(t *testing.T, c cosign) {
		o := ours{cosign: c, program: program}
		o.artifact(t, "put", c.write(t, "one", []byte("1\n")), "--as", "acme/app:v1")
		c.write(t, "m.cbor", o.artifact(t, "show", "acme/app:v1", "--manifest"))
		o.artifact(t, "put", c.write(t, "two", []byte("2\n")), "--as", "acme/app:v2")
		c.write(t, "other.cbor", o.artifact(t, "show", "acme/app:v2", "--manifest"))
		test(t, o)
	})
}

// artifact runs a command that has to succeed.
func (o ours) artifact(t *testing.T, args ...string) []byte {
	t.Helper()
	out, said, code := run(t, nil, o.program, append([]string{"--dir", o.path("store")}, args...)...)
	if code != 0 {
		t.Fatalf("artifact %q: exit code %d\n%s", args, code, said)
	}
	return out
}

// bundles runs a command that signs and returns the directory, beneath that of
// cosign, into which the bundles were got.
func (o ours) bundles(t *testing.T, args ...string) string {
	t.Helper()
	var signed struct{ Digest string }
	if err := json.Unmarshal(o.artifact(t, append(args, "--json")...), &signed); err != nil {
		t.Fatal(err)
	}
	o.artifact(t, "get", "acme/app@"+signed.Digest, "-o", o.path(args[0]))
	return args[0]
}

// accepted asserts that cosign accepts bundles in a directory by the public key
// in a file, and neither for another manifest nor by another key.
func (o ours) accepted(t *testing.T, command, dir, bundle, public string, more ...string) {
	t.Helper()
	data := o.read(t, filepath.Join(dir, bundle))
	if ok, said := o.verify(t, command, public, data, "m.cbor", more...); !ok {
		t.Errorf("%s refuses %s: %s", command, bundle, said)
	}
	if ok, _ := o.verify(t, command, public, data, "other.cbor", more...); ok {
		t.Errorf("%s takes %s for another manifest", command, bundle)
	}
	if ok, _ := o.verify(t, command, "another.pub", data, "m.cbor", more...); ok {
		t.Errorf("%s takes %s by another key", command, bundle)
	}
}

// everything signs and attests with a key of the store and has cosign verify it.
func (o ours) everything(t *testing.T, key, public string) {
	t.Helper()
	o.artifact(t, "keys", "generate", "another")
	o.artifact(t, "keys", "export", "another", "--public", "-o", o.path("another.pub"))
	o.write(t, "predicate.json", []byte(`{"by":"<ours>"}`))
	dir := o.bundles(t, "sign", "acme/app:v1", "--key", key)
	o.accepted(t, "verify-blob", dir, "signature.sigstore.json", public)
	o.accepted(t, "verify-blob-attestation", dir, "claim.sigstore.json", public,
		"--type", "https://github.com/tegwick/artifact-store/claim/v1")
	dir = o.bundles(t, "attest", "acme/app:v1", "--key", key, "--type", builtType, "--predicate", o.path("predicate.json"))
	o.accepted(t, "verify-blob-attestation", dir, "attestation.sigstore.json", public, "--type", builtType)
	o.artifact(t, "verify", "acme/app:v1", "--key", key)
	o.artifact(t, "verify", "acme/app:v1", "--key", o.path(public))
}

func TestCosignVerifiesWhatTheProgramSigns(t *testing.T) {
	eachCosignWithOurs(t, func(t *testing.T, o ours) {
		o.artifact(t, "keys", "generate", "release")
		o.artifact(t, "keys", "export", "release", "--public", "-o", o.path("release.pub"))
		o.everything(t, "release", "release.pub")
	})
}

func TestTheProgramTakesCosignsKeys(t *testing.T) {
	eachCosignWithOurs(t, func(t *testing.T, o ours) {
		o.must(t, "generate-key-pair", "--output-key-prefix", o.path("theirs"))
		// As a file, while the store does not know it.
		o.artifact(t, "sign", "acme/app:v2", "--key", o.path("theirs.key"))
		o.artifact(t, "verify", "acme/app:v2", "--key", o.path("theirs.pub"))
		o.artifact(t, "keys", "import", "theirs", o.path("theirs.key"))
		o.artifact(t, "verify", "acme/app:v2", "--key", "theirs")
		o.everything(t, "theirs", "theirs.pub")
	})
}

// A key that leaves the store is one that cosign signs with.
func TestCosignTakesTheProgramsKeys(t *testing.T) {
	eachCosignWithOurs(t, func(t *testing.T, o ours) {
		o.artifact(t, "keys", "generate", "release")
		o.artifact(t, "keys", "export", "release", "-o", o.path("release.key"))
		o.artifact(t, "keys", "export", "release", "--public", "-o", o.path("release.pub"))
		bundle := o.sign(t, "sign-blob", "release.key", "m.cbor")
		if ok, said := o.verify(t, "verify-blob", "release.pub", bundle, "m.cbor"); !ok {
			t.Errorf("cosign signs with the key and refuses the public half: %s", said)
		}
	})
}
