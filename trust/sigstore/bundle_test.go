package sigstore_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

func blake3(data []byte) []byte {
	sum := dag.Sum(data)
	return sum[:]
}

// bundles are the two kinds of bundle for data, by alice.
func bundles(t testing.TB, data []byte) map[string][]byte {
	return map[string][]byte{
		"signature":   must(sigstore.SignBlob(alice(t), data))(t),
		"attestation": must(sigstore.Attest(alice(t), about(data)))(t),
	}
}

func TestWhatIsSignedIsVerified(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(r, "data")
		other := rapid.SliceOf(rapid.Byte()).Filter(func(b []byte) bool { return !bytes.Equal(b, data) }).Draw(r, "other")
		keys := []trust.Key{bob(t).Key(), alice(t).Key()}
		if rapid.Bool().Draw(r, "alice first") {
			slices.Reverse(keys)
		}
		for kind, bundle := range bundles(t, data) {
			v, err := sigstore.VerifyBundle(bundle, data, keys...)
			if err != nil || v.Key != alice(t).Key().ID || !v.Canonical || (v.Statement != nil) != (kind == "attestation") {
				r.Fatalf("%s: %+v, %v", kind, v, err)
			}
			if again := bundles(t, data)[kind]; !bytes.Equal(bundle, again) {
				r.Fatalf("%s: signed again, it differs", kind)
			}
			_, err = sigstore.VerifyBundle(bundle, other, keys...)
			wantKind(t, err, fault.Corrupt)
			_, err = sigstore.VerifyBundle(bundle, data, bob(t).Key())
			wantKind(t, err, fault.Denied)
			_, err = sigstore.VerifyBundle(bundle, data)
			wantKind(t, err, fault.Denied)
		}
	})
}

func TestAStatementComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(r, "data")
		sum := sha256.Sum256(data)
		digest := rapid.SliceOfN(rapid.Byte(), 32, 32)
		st := sigstore.InToto{PredicateType: "urn:x:" + rapid.StringMatching(`[a-z]{1,9}`).Draw(r, "type")}
		for range rapid.IntRange(0, 4).Draw(r, "subjects") {
			s := sigstore.Subject{Name: rapid.StringMatching(`[^\x00-\x1f]*`).Draw(r, "name"), SHA256: digest.Draw(r, "sha256")}
			if rapid.Bool().Draw(r, "with BLAKE3") {
				s.BLAKE3 = digest.Draw(r, "blake3")
			}
			st.Subjects = append(st.Subjects, s)
		}
		at := rapid.IntRange(0, len(st.Subjects)).Draw(r, "at")
		st.Subjects = slices.Insert(st.Subjects, at, sigstore.Subject{Name: "data", SHA256: sum[:], BLAKE3: blake3(data)})
		predicate := rapid.MapOf(rapid.String(), rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny())).Draw(r, "predicate")
		st.Predicate = text(t, predicate)

		bundle, err := sigstore.Attest(alice(t), st)
		if err != nil {
			r.Fatal(err)
		}
		v, err := sigstore.VerifyBundle(bundle, data, alice(t).Key())
		if err != nil {
			r.Fatal(err)
		}
		if want, got := must(json.Marshal(st))(t), must(json.Marshal(v.Statement))(t); !bytes.Equal(want, got) {
			r.Errorf("stated %s\nread   %s", want, got)
		}
	})
}

// A changed byte either fails the bundle or makes it one that nobody wrote.
func TestEveryByteCounts(t *testing.T) {
	data := []byte("hello, world\n")
	keys := []trust.Key{alice(t).Key(), bob(t).Key()}
	for kind, bundle := range bundles(t, data) {
		caught := func(what string, at int, changed []byte) {
			v, err := sigstore.VerifyBundle(changed, data, keys...)
			switch {
			case err == nil && v.Canonical:
				t.Errorf("%s, %s at %d: accepted as canonical: %s", kind, what, at, changed)
			case err != nil && fault.KindOf(err) == fault.Other:
				t.Errorf("%s, %s at %d: %v is of no kind", kind, what, at, err)
			}
		}
		for i := range bundle {
			for bit := range 8 {
				changed := bytes.Clone(bundle)
				changed[i] ^= 1 << bit
				caught("a flipped bit", i, changed)
			}
			caught("a byte less", i, slices.Delete(bytes.Clone(bundle), i, i+1))
			caught("a byte twice", i, slices.Insert(bytes.Clone(bundle), i, bundle[i]))
			caught("a space", i, slices.Insert(bytes.Clone(bundle), i, ' '))
			caught("the end", i, bundle[:i])
		}
		for _, end := range []string{" ", "\n", "\x00", "{}"} {
			caught("more", len(bundle), append(bytes.Clone(bundle), end...))
		}
		for i := range data {
			changed := bytes.Clone(data)
			changed[i] ^= 1
			_, err := sigstore.VerifyBundle(bundle, changed, keys...)
			wantKind(t, err, fault.Corrupt)
		}
	}
}

// What the hint says is not believed: a signature of alice's that names bob's
// key is alice's still, and one of bob's that names hers is not hers.
func TestTheHintDoesNotChoose(t *testing.T) {
	data := []byte("data")
	material := func(s trust.Signer) any {
		return parse(t, must(sigstore.SignBlob(s, data))(t))["verificationMaterial"]
	}
	for kind, bundle := range bundles(t, data) {
		o := parse(t, bundle)
		o["verificationMaterial"] = material(bob(t))
		v, err := sigstore.VerifyBundle(text(t, o), data, bob(t).Key(), alice(t).Key())
		if err != nil || v.Key != alice(t).Key().ID || v.Canonical {
			t.Errorf("%s: %+v, %v", kind, v, err)
		}
		_, err = sigstore.VerifyBundle(text(t, o), data, bob(t).Key())
		wantKind(t, err, fault.Denied)
		o["verificationMaterial"] = object{"publicKey": object{}}
		if v, err := sigstore.VerifyBundle(text(t, o), data, alice(t).Key()); err != nil || v.Canonical {
			t.Errorf("%s without a hint: %+v, %v", kind, v, err)
		}
	}
}

// The signature of a message is not that of an envelope, nor the reverse.
func TestASignatureDoesNotMoveBetweenContents(t *testing.T) {
	data := []byte("data")
	all := bundles(t, data)
	sign, attest := parse(t, all["signature"]), parse(t, all["attestation"])
	message := sign["messageSignature"].(object)
	sig := attest["dsseEnvelope"].(object)["signatures"].([]any)[0].(object)
	message["signature"], sig["sig"] = sig["sig"], message["signature"]
	for _, o := range []object{sign, attest} {
		_, err := sigstore.VerifyBundle(text(t, o), data, alice(t).Key())
		wantKind(t, err, fault.Denied)
	}
}

// Who has a signature over any bytes of his choice must not gain an attestation.
func TestNoSignatureOverWhatAnEnvelopeSigns(t *testing.T) {
	payload := []byte(`{"_type":"https://in-toto.io/Statement/v1"}`)
	_, err := sigstore.SignBlob(alice(t), dsse.PAE("application/vnd.in-toto+json", payload))
	wantKind(t, err, fault.Invalid)
	if _, err := sigstore.SignBlob(alice(t), payload); err != nil {
		t.Error(err)
	}
}
