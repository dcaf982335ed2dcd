package sigstore

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/tegwick/artifact-store/dag/fault"
)

// The types of the PEM blocks that hold private keys.
const (
	pemSigstore  = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosign    = "ENCRYPTED COSIGN PRIVATE KEY" // as cosign named it before 2.0
	pemPKCS8     = "PRIVATE KEY"
	pemSEC1      = "EC PRIVATE KEY"
	pemECParams  = "EC PARAMETERS" // openssl writes the curve's name before a SEC 1 key
	pemEncrypted = "ENCRYPTED PRIVATE KEY"
)

const hintECDSA = "make one with `artifact keys generate`, which cosign reads too"

// seal encrypts a private key into a PEM block of cosign's.
func seal(op string, key *ecdsa.PrivateKey, passphrase []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	defer clear(der)
	box, err := encrypted.Encrypt(der, passphrase)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemSigstore, Bytes: box}), nil
}

// unseal is the inverse of seal, for both of cosign's types.
func unseal(op string, block *pem.Block, passphrase []byte) (*ecdsa.PrivateKey, error) {
	if err := checkBox(op, block.Bytes); err != nil {
		return nil, err
	}
	der, err := encrypted.Decrypt(block.Bytes, passphrase)
	if err != nil { // the form was checked: what is left is that the box does not open
		err = fault.New(fault.Denied, op, "", "the passphrase does not open the key, or the file was changed")
		return nil, fault.Hint(err, "give the passphrase that the key was made with")
	}
	defer clear(der)
	return parsePKCS8(op, der)
}

// box is what stands in an encrypted PEM block: a NaCl secretbox whose key
// scrypt derives from the passphrase.
type box struct {
	KDF struct {
		Name   string
		Params struct{ N, R, P int }
		Salt   []byte
	}
	Cipher struct {
		Name  string
		Nonce []byte
	}
	Ciphertext []byte
}

// checkBox tells a file that is not a key, or asks for unreasonable work, from
// a wrong passphrase.
func checkBox(op string, text []byte) error {
	if err := checkJSON(op, text, 4, 64); err != nil {
		return err
	}
	var b box
	if err := json.Unmarshal(text, &b); err != nil {
		return fault.Wrap(fault.Invalid, op, "", err)
	}
	n := b.KDF.Params.N
	switch {
	case b.KDF.Name != "scrypt" || b.Cipher.Name != "nacl/secretbox":
		return fault.New(fault.Invalid, op, "", "it is encrypted by %.50q and %.50q, not by scrypt and nacl/secretbox", b.KDF.Name, b.Cipher.Name)
	case n != 1<<15 && n != 1<<16 && n != 1<<17 || b.KDF.Params.R != 8 || b.KDF.Params.P != 1:
		return fault.New(fault.Invalid, op, "", "its scrypt parameters are not among those that cosign writes")
	case len(b.KDF.Salt) != 32 || len(b.Cipher.Nonce) != 24 || len(b.Ciphertext) <= 16:
		return fault.New(fault.Invalid, op, "", "its salt, nonce or ciphertext has a wrong length")
	}
	return nil
}

// decodePEM returns the one block in a file, where openssl may have put the
// name of the curve before it.
func decodePEM(op string, file []byte) (*pem.Block, error) {
	if len(file) > maxKeyFile {
		return nil, fault.New(fault.TooLarge, op, "", "a key file has at most %d bytes", maxKeyFile)
	}
	block, rest := pem.Decode(file)
	if block != nil && block.Type == pemECParams {
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil:
		return nil, fault.New(fault.Invalid, op, "", "it is not in PEM")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, fault.New(fault.Invalid, op, "", "something follows the key")
	case len(block.Headers) > 0 || block.Type == pemEncrypted:
		err := fault.New(fault.Invalid, op, "", "it is encrypted, but not as cosign does it")
		return nil, fault.Hint(err, "decrypt it with `openssl pkey` and import the result")
	}
	return block, nil
}

// parseKey reads a private key from a block that may be encrypted.
func parseKey(op string, block *pem.Block, passphrase []byte) (*ecdsa.PrivateKey, error) {
	switch block.Type {
	case pemSigstore, pemCosign:
		return unseal(op, block, passphrase)
	case pemPKCS8:
		return parsePKCS8(op, block.Bytes)
	case pemSEC1:
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "", err)
		}
		return p256(op, key)
	default:
		return nil, fault.New(fault.Invalid, op, "", "it has a %.50q, not a private key", block.Type)
	}
}

func parsePKCS8(op string, der []byte) (*ecdsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	return p256(op, key)
}

// p256 refuses keys of other kinds. Ed25519 too: cosign signs Ed25519ph with
// them, and does not verify that itself.
func p256(op string, key any) (*ecdsa.PrivateKey, error) {
	if k, ok := key.(*ecdsa.PrivateKey); ok && k.Curve == elliptic.P256() {
		return k, nil
	}
	return nil, fault.Hint(fault.New(fault.Invalid, op, "", "the key is not of ECDSA P-256"), hintECDSA)
}
