package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"io"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// GenerateKey draws an ECDSA P-256 key from random (FIPS 186-5, A.2.2) and
// returns it as cosign's generate-key-pair would: the private key as PKCS #8,
// encrypted with the passphrase, which may be empty; the public key in the
// clear. Both are PEM. The salt and nonce of the encryption are the system's.
// It fails only where random does: [fault.Unavailable].
func GenerateKey(random io.Reader, passphrase []byte) (private, public []byte, err error) {
	const op = "generate key"
	var scalar [32]byte
	defer clear(scalar[:])
	for {
		if _, err := io.ReadFull(random, scalar[:]); err != nil {
			return nil, nil, fault.Wrap(fault.Unavailable, op, "", err)
		}
		// Zero, and what is not below the order of the group, is drawn again:
		// one in 2^32.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]); err == nil {
			return pair(op, key, passphrase)
		}
	}
}

// ImportKey encrypts a key that was made elsewhere: cosign's, then encrypted
// with oldPassphrase, or a plain one of PKCS #8 or SEC 1 as openssl writes it.
// The results are those of [GenerateKey]. What is not an ECDSA P-256 private
// key is [fault.Invalid], a wrong passphrase [fault.Denied].
func ImportKey(file, oldPassphrase, newPassphrase []byte) (private, public []byte, err error) {
	const op = "import key"
	block, err := decodePEM(op, file)
	if err != nil {
		return nil, nil, err
	}
	defer clear(block.Bytes)
	key, err := parseKey(op, block, oldPassphrase)
	if err != nil {
		return nil, nil, err
	}
	return pair(op, key, newPassphrase)
}

// OpenKey decrypts a private key that [GenerateKey] or cosign made. A wrong
// passphrase is [fault.Denied]; a file that is no such key, or one of another
// kind than ECDSA P-256, is [fault.Invalid]. It takes about 0.2 s and 64 MiB,
// which is what the passphrase is guarded by.
func OpenKey(private, passphrase []byte) (trust.Signer, error) {
	const op = "open key"
	block, err := decodePEM(op, private)
	if err != nil {
		return nil, err
	}
	if block.Type != pemSigstore && block.Type != pemCosign {
		clear(block.Bytes)
		err := fault.New(fault.Invalid, op, "", "it has a %.50q, not an encrypted private key", block.Type)
		return nil, fault.Hint(err, "encrypt the key with `artifact keys import`")
	}
	key, err := unseal(op, block, passphrase)
	if err != nil {
		return nil, err
	}
	public, err := publicKey(op, key)
	if err != nil {
		return nil, err
	}
	return &signer{public: public, private: key}, nil
}

// pair returns a key as two files.
func pair(op string, key *ecdsa.PrivateKey, passphrase []byte) (private, public []byte, err error) {
	pub, err := publicKey(op, key)
	if err != nil {
		return nil, nil, err
	}
	private, err = seal(op, key, passphrase)
	if err != nil {
		return nil, nil, err
	}
	return private, pub.PEM(), nil
}

// publicKey returns the public half as trust knows it.
func publicKey(op string, key *ecdsa.PrivateKey) (trust.Key, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return trust.Key{}, fault.Wrap(fault.Invalid, op, "", err)
	}
	return trust.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// signer signs with a key in memory.
type signer struct {
	public  trust.Key
	private *ecdsa.PrivateKey
}

func (s *signer) Key() trust.Key { return s.public }

// Sign makes the one signature that RFC 6979 derives from the key and the
// message: equal input gives equal bundles, and no randomness can fail it.
func (s *signer) Sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	sig, err := s.private.Sign(nil, digest[:], crypto.SHA256)
	return sig, fault.Wrap(fault.Other, "sign", string(s.public.ID), err)
}
