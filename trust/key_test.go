package trust_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// TestKeys makes keys of both kinds, and holds their ids against their DER.
func TestKeys(t *testing.T) {
	for _, s := range []*signer{newSigner(t, "a"), newEdSigner(t, "a")} {
		text := s.public.PEM()
		block, _ := pem.Decode(text)
		sum := sha256.Sum256(block.Bytes)
		if string(s.id()) != hex.EncodeToString(sum[:]) {
			t.Errorf("its id is %s, the hash %x", s.id(), sum)
		}
		for name, variant := range map[string][]byte{
			"as it is":        text,
			"with CRLF":       bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
			"in white space":  append([]byte("\n \n"), append(text, "\n\n"...)...),
			"without its end": bytes.TrimSpace(text),
		} {
			again, err := trust.ParseKey(variant)
			if err != nil || again.ID != s.id() || !bytes.Equal(again.PEM(), text) {
				t.Errorf("%s: %v", name, err)
			}
		}
		sig, err := s.Sign([]byte("message"))
		must(t, err)
		must(t, s.public.Verify([]byte("message"), sig))
		wantKind(t, s.public.Verify([]byte("massage"), sig), fault.Denied)
		wantKind(t, s.public.Verify([]byte("message"), sig[1:]), fault.Denied)
		wantKind(t, s.public.Verify([]byte("message"), nil), fault.Denied)
		wantKind(t, newSigner(t, "b").public.Verify([]byte("message"), sig), fault.Denied)
		wantKind(t, newEdSigner(t, "b").public.Verify([]byte("message"), sig), fault.Denied)
		wantKind(t, trust.Key{}.Verify([]byte("message"), sig), fault.Denied)
	}
}

func TestRefusedKeys(t *testing.T) {
	good := string(newSigner(t, "a").public.PEM())
	p384, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), bytes.Repeat([]byte{1}, 48))
	must(t, err)
	for name, c := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"nothing":            {"", fault.Invalid},
		"no PEM":             {"key", fault.Invalid},
		"another type":       {strings.ReplaceAll(good, "PUBLIC KEY", "PRIVATE KEY"), fault.Invalid},
		"no key":             {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", fault.Invalid},
		"something before":   {"comment\n" + good, fault.Invalid},
		"something after":    {good + "comment\n", fault.Invalid},
		"two keys":           {good + good, fault.Invalid},
		"a header":           {strings.Replace(good, "-----\n", "-----\nA: b\n\n", 1), fault.Invalid},
		"other lines":        {strings.Replace(good, "\nM", "\nM\n", 1), fault.Invalid},
		"P-384":              {string(pemOf(t, p384.Public())), fault.Invalid},
		"RSA":                {string(pemOf(t, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537})), fault.Invalid},
		"longer than a page": {good + strings.Repeat(" ", 4096), fault.TooLarge},
	} {
		if _, err := trust.ParseKey([]byte(c.text)); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
