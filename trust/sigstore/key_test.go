package sigstore_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

func TestAGeneratedKeyIsOpenedByItsPassphraseAlone(t *testing.T) {
	for _, pass := range []string{"", "päss\x00word"} {
		private, public, err := sigstore.GenerateKey(rand.Reader, []byte(pass))
		if err != nil {
			t.Fatal(err)
		}
		s := must(sigstore.OpenKey(private, []byte(pass)))(t)
		key := must(trust.ParseKey(public))(t)
		if s.Key().ID != key.ID {
			t.Errorf("the private key's public half is %s, the public key is %s", s.Key().ID, key.ID)
		}
		sig := must(s.Sign([]byte("said")))(t)
		if err := key.Verify([]byte("said"), sig); err != nil {
			t.Error(err)
		}
		_, err = sigstore.OpenKey(private, []byte("another"))
		wantKind(t, err, fault.Denied)
		if fault.HintOf(err) == "" {
			t.Error("nothing says what to do about a wrong passphrase")
		}
	}
}

func TestAKeyIsDrawnFromTheRandomnessGiven(t *testing.T) {
	draw := func(random io.Reader) string {
		_, public, err := sigstore.GenerateKey(random, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(public)
	}
	good := bytes.Repeat([]byte{7}, 32)
	zero, over := make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)
	want := draw(bytes.NewReader(good))
	if got := draw(bytes.NewReader(bytes.Join([][]byte{zero, over, good}, nil))); got != want {
		t.Error("what is no scalar of the curve was not drawn again")
	}
	if draw(bytes.NewReader(bytes.Repeat([]byte{8}, 32))) == want {
		t.Error("other randomness gave the same key")
	}
	_, _, err := sigstore.GenerateKey(bytes.NewReader(good[:31]), nil)
	wantKind(t, err, fault.Unavailable)
}

// block is a PEM block.
func block(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}

// pkcs8 encodes a key, or ends the test.
func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	return must(x509.MarshalPKCS8PrivateKey(key))(t)
}

func TestImport(t *testing.T) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), nil))(t)
	sec1 := must(x509.MarshalECPrivateKey(key))(t)
	spki := must(x509.MarshalPKIXPublicKey(key.Public()))(t)
	want := must(trust.ParseKey(block("PUBLIC KEY", spki)))(t).ID
	prime256v1 := block("EC PARAMETERS", []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07})

	sealed, _, err := sigstore.ImportKey(block("PRIVATE KEY", pkcs8(t, key)), nil, []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.ReplaceAll(sealed, []byte("SIGSTORE"), []byte("COSIGN"))
	for name, file := range map[string][]byte{
		"PKCS #8":                  block("PRIVATE KEY", pkcs8(t, key)),
		"SEC 1":                    block("EC PRIVATE KEY", sec1),
		"SEC 1 after its curve":    append(bytes.Clone(prime256v1), block("EC PRIVATE KEY", sec1)...),
		"ours":                     sealed,
		"an older cosign's":        renamed,
		"ours, with an empty line": append(bytes.Clone(sealed), "\r\n\n"...),
	} {
		private, public, err := sigstore.ImportKey(file, []byte("old"), []byte("new"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := must(sigstore.OpenKey(private, []byte("new")))(t); s.Key().ID != want || !bytes.Equal(s.Key().PEM(), public) {
			t.Errorf("%s: imported as another key", name)
		}
	}
	_, _, err = sigstore.ImportKey(sealed, []byte("new"), nil)
	wantKind(t, err, fault.Denied)
}

func TestRefusedKeyFiles(t *testing.T) {
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), nil))(t)
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), nil))(t)
	plain := block("PRIVATE KEY", pkcs8(t, p256))
	sealed := must(os.ReadFile("testdata/alice.key"))(t)
	for name, c := range map[string]struct {
		file []byte
		kind fault.Kind
	}{
		"nothing":                  {nil, fault.Invalid},
		"no PEM":                   {[]byte("hello"), fault.Invalid},
		"P-384":                    {block("PRIVATE KEY", pkcs8(t, p384)), fault.Invalid},
		"RSA":                      {block("PRIVATE KEY", pkcs8(t, rsaKey)), fault.Invalid},
		"PKCS #1":                  {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), fault.Invalid},
		"Ed25519":                  {block("PRIVATE KEY", pkcs8(t, edKey)), fault.Invalid},
		"a public key":             {alice(t).Key().PEM(), fault.Invalid},
		"PKCS #8, encrypted":       {block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), fault.Invalid},
		"a key with headers":       {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: pkcs8(t, p256)}), fault.Invalid},
		"two keys":                 {append(bytes.Clone(plain), plain...), fault.Invalid},
		"half a key":               {block("PRIVATE KEY", pkcs8(t, p256)[:40]), fault.Invalid},
		"half a SEC 1 key":         {block("EC PRIVATE KEY", []byte{0x30, 0x77}), fault.Invalid},
		"a curve alone":            {block("EC PARAMETERS", []byte{6, 0}), fault.Invalid},
		"a very large file":        {bytes.Repeat([]byte("-"), 65<<10), fault.TooLarge},
		"a nested box":             {block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(strings.Repeat("[", 9)+strings.Repeat("]", 9))), fault.TooLarge},
		"a box that is not JSON":   {block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte("{")), fault.Invalid},
		"a box that is not an {}":  {block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(`"x"`)), fault.Invalid},
		"an encrypted key cut off": {sealed[:len(sealed)/2], fault.Invalid},
	} {
		_, _, err := sigstore.ImportKey(c.file, []byte(passphrase), nil)
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
		if _, err := sigstore.OpenKey(c.file, []byte(passphrase)); !fault.Is(err, c.kind) {
			t.Errorf("%s, opened: %v, want %s", name, err, c.kind)
		}
	}
	for name, c := range map[string]struct {
		file []byte
		hint string
	}{
		"P-384":              {block("PRIVATE KEY", pkcs8(t, p384)), "keys generate"},
		"PKCS #8, encrypted": {block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), "openssl pkey"},
	} {
		if _, _, err := sigstore.ImportKey(c.file, nil, nil); !strings.Contains(fault.HintOf(err), c.hint) {
			t.Errorf("%s: %v: its hint is %q, want one of %s", name, err, fault.HintOf(err), c.hint)
		}
	}
	if _, err := sigstore.OpenKey(plain, nil); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.HintOf(err), "keys import") {
		t.Errorf("a key in the clear: %v, with the hint %q", err, fault.HintOf(err))
	}
}

func TestAChangedKeyFileIsNotOpened(t *testing.T) {
	p, _ := pem.Decode(must(os.ReadFile("testdata/alice.key"))(t))
	for name, c := range map[string]struct {
		change func(kdf, params, cipher, box object)
		kind   fault.Kind
	}{
		"salt":             {func(k, _, _, _ object) { k["salt"] = bytes.Repeat([]byte{1}, 32) }, fault.Denied},
		"nonce":            {func(_, _, c, _ object) { c["nonce"] = make([]byte, 24) }, fault.Denied},
		"ciphertext":       {func(_, _, _, b object) { b["ciphertext"] = make([]byte, 100) }, fault.Denied},
		"cost":             {func(_, p, _, _ object) { p["N"] = 1 << 15 }, fault.Denied},
		"no salt":          {func(k, _, _, _ object) { delete(k, "salt") }, fault.Invalid},
		"a short nonce":    {func(_, _, c, _ object) { c["nonce"] = make([]byte, 23) }, fault.Invalid},
		"a ruinous cost":   {func(_, p, _, _ object) { p["N"] = 1 << 30 }, fault.Invalid},
		"a negative cost":  {func(_, p, _, _ object) { p["N"] = -1 }, fault.Invalid},
		"parallel work":    {func(_, p, _, _ object) { p["p"] = 1 << 20 }, fault.Invalid},
		"another cipher":   {func(_, _, c, _ object) { c["name"] = "rot13" }, fault.Invalid},
		"another function": {func(k, _, _, _ object) { k["name"] = "pbkdf2" }, fault.Invalid},
		"no ciphertext":    {func(_, _, _, b object) { b["ciphertext"] = make([]byte, 16) }, fault.Invalid},
		"a number as name": {func(k, _, _, _ object) { k["name"] = 1 }, fault.Invalid},
	} {
		box := parse(t, p.Bytes)
		kdf := box["kdf"].(object)
		c.change(kdf, kdf["params"].(object), box["cipher"].(object), box)
		changed := must(json.Marshal(box))(t)
		_, err := sigstore.OpenKey(block(p.Type, changed), []byte(passphrase))
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
}
