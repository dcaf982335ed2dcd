package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"

	"github.com/tegwick/artifact-store/dag/fault"
)

// pemType is that of a SubjectPublicKeyInfo (RFC 7468, section 13).
const pemType = "PUBLIC KEY"

// KeyID names a public key: the SHA-256 of its DER SubjectPublicKeyInfo
// (RFC 5280, section 4.1.2.7), in lower-case hex.
type KeyID string

// valid reports whether an id is 64 lower-case hex digits.
func (id KeyID) valid() bool {
	b, err := hex.DecodeString(string(id))
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == string(id)
}

// Key is a public key: ECDSA on P-256, or Ed25519. The zero Key verifies
// nothing. Make one with [ParseKey].
type Key struct {
	ID     KeyID
	Public crypto.PublicKey // *ecdsa.PublicKey or ed25519.PublicKey
	der    []byte           // SubjectPublicKeyInfo
}

// ParseKey reads a public key of ECDSA P-256 or Ed25519 in its canonical PEM
// ([Key.PEM]), with any white space around it and either kind of line ends.
// What is not one is [fault.Invalid], or [fault.TooLarge].
func ParseKey(text []byte) (Key, error) {
	const op = "parse public key"
	if len(text) > maxPEM {
		return Key{}, fault.New(fault.TooLarge, op, "", "it is longer than %d bytes", maxPEM)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return Key{}, fault.New(fault.Invalid, op, "", "want a PEM block of type %s", pemType)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Key{}, fault.Wrap(fault.Invalid, op, "", err)
	}
	switch k := public.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return Key{}, fault.New(fault.Invalid, op, "", "an ECDSA key on %s; only P-256 is known", k.Curve.Params().Name)
		}
	default:
		return Key{}, fault.New(fault.Invalid, op, "", "want a key of ECDSA P-256 or Ed25519")
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return Key{}, fault.Wrap(fault.Invalid, op, "", err)
	}
	sum := sha256.Sum256(der)
	k := Key{ID: KeyID(hex.EncodeToString(sum[:])), Public: public, der: der}
	// One key has one text and one id: nothing is read past.
	lines := bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(lines, bytes.TrimSpace(k.PEM())) {
		return Key{}, fault.New(fault.Invalid, op, "", "its PEM has something beside the key, or is not in its canonical form")
	}
	return k, nil
}

// PEM returns the key in its one canonical text: that of Go, OpenSSL and
// cosign.
func (k Key) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: k.der})
}

// Verify tells whether the key made a signature over message: ECDSA as ASN.1
// over the SHA-256 of the message (FIPS 186-5), Ed25519 over the message itself
// (RFC 8032). Where it did not, the error is [fault.Denied].
func (k Key) Verify(message, sig []byte) error {
	ok := false
	switch public := k.Public.(type) {
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		ok = ecdsa.VerifyASN1(public, sum[:], sig)
	case ed25519.PublicKey:
		ok = len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, sig)
	}
	if !ok {
		return fault.New(fault.Denied, "verify signature", string(k.ID), "the key did not make it")
	}
	return nil
}

// Signer makes signatures that its key verifies.
type Signer interface {
	Key() Key
	Sign(message []byte) ([]byte, error)
}
