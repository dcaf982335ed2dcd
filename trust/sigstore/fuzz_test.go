package sigstore_test

import (
	"bytes"
	"encoding/pem"
	"os"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// Whatever comes in, a bundle is accepted only for what the key did sign, and
// as canonical only where it is one that was written.
func FuzzVerifyBundle(f *testing.F) {
	data := []byte("hello, world\n")
	written := [][]byte{
		must(sigstore.SignBlob(alice(f), data))(f),
		must(sigstore.Attest(alice(f), about(data)))(f),
	}
	for _, b := range written {
		f.Add(b)
	}
	for _, name := range []string{"cosign2-blob.json", "cosign3-blob.json", "cosign3-attestation.json"} {
		f.Add(must(os.ReadFile("testdata/" + name))(f))
	}
	f.Fuzz(func(t *testing.T, bundle []byte) {
		v, err := sigstore.VerifyBundle(bundle, data, bob(t).Key(), alice(t).Key())
		if err != nil {
			if fault.KindOf(err) == fault.Other {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		if v.Key != alice(t).Key().ID {
			t.Errorf("verified by %s, which signed nothing", v.Key)
		}
		if v.Canonical && !bytes.Equal(bundle, written[0]) && !bytes.Equal(bundle, written[1]) {
			t.Errorf("canonical, but nobody wrote it: %s", bundle)
		}
	})
}

// A key opens as itself or not at all.
func FuzzOpenKey(f *testing.F) {
	private := must(os.ReadFile("testdata/alice.key"))(f)
	p, _ := pem.Decode(private)
	f.Add(private)
	f.Add(p.Bytes)
	f.Add(alice(f).Key().PEM())
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, file := range [][]byte{file, block(p.Type, file)} {
			s, err := sigstore.OpenKey(file, []byte(passphrase))
			switch {
			case err != nil && fault.KindOf(err) == fault.Other:
				t.Errorf("%v is of no kind", err)
			case err == nil && s.Key().ID != alice(t).Key().ID:
				t.Errorf("opened as %s", s.Key().ID)
			}
		}
	})
}
