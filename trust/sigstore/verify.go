package sigstore

import (
	"bytes"
	"crypto/sha256"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// Verified is what a bundle proves.
type Verified struct {
	Key       trust.KeyID // of the key given that made the signature
	Statement *InToto     // what it states about the data; nil where it signs the data itself

	// Canonical reports whether the bundle is, byte for byte, what [SignBlob]
	// or [Attest] writes for this key, content and signature. So where it is
	// true no byte can be changed without the change being seen: the signature
	// fails, or Canonical turns false. A bundle of cosign's proves as much
	// with white space in it, a log entry or another hint, and is not.
	Canonical bool
}

// VerifyBundle verifies a bundle against data with each of the keys given,
// whatever key the bundle hints at: a message signature over data, or a
// statement that has data among its subjects.
//
// A bundle that no key verifies is [fault.Denied], one of other bytes than data
// [fault.Corrupt], one that is not well formed [fault.Invalid], and one over a
// limit [fault.TooLarge].
func VerifyBundle(bundle, data []byte, keys ...trust.Key) (Verified, error) {
	const op = "verify bundle"
	b, err := decode(op, bundle)
	if err != nil {
		return Verified{}, err
	}
	if e := b.GetDsseEnvelope(); e != nil {
		return verifyEnvelope(op, bundle, b, data, keys)
	}
	m := b.GetMessageSignature()
	digest := sha256.Sum256(data)
	switch {
	case m == nil:
		return Verified{}, fault.New(fault.Invalid, op, "", "it has no signature")
	case m.GetMessageDigest().GetAlgorithm() != protocommon.HashAlgorithm_SHA2_256:
		return Verified{}, fault.New(fault.Invalid, op, "", "its message digest is not a SHA-256")
	case !bytes.Equal(m.GetMessageDigest().GetDigest(), digest[:]):
		return Verified{}, fault.New(fault.Corrupt, op, "", "it is about other bytes: of sha256:%.32x, not sha256:%x", m.GetMessageDigest().GetDigest(), digest)
	}
	key, err := signedBy(op, data, m.GetSignature(), keys)
	if err != nil {
		return Verified{}, err
	}
	v := Verified{Key: key}
	v.Canonical = canonical(op, bundle, key, messageSignature(data, m.GetSignature()))
	return v, nil
}

// verifyEnvelope verifies a bundle that has an envelope. The payload is decoded
// only once a key has verified it.
func verifyEnvelope(op string, bundle []byte, b *protobundle.Bundle, data []byte, keys []trust.Key) (Verified, error) {
	e := b.GetDsseEnvelope()
	sigs := e.GetSignatures()
	hint := b.GetVerificationMaterial().GetPublicKey().GetHint()
	switch {
	case e.GetPayloadType() != payloadType:
		return Verified{}, fault.New(fault.Invalid, op, "", "its payload is of type %.100q, not %s", e.GetPayloadType(), payloadType)
	case len(sigs) != 1: // sigstore_bundle.proto: such an envelope must be rejected
		return Verified{}, fault.New(fault.Invalid, op, "", "its envelope has %d signatures, not one", len(sigs))
	case sigs[0].GetKeyid() != "" && sigs[0].GetKeyid() != hint:
		return Verified{}, fault.New(fault.Invalid, op, "", "its envelope and its material name different keys")
	}
	sig := sigs[0].GetSig()
	key, err := signedBy(op, dsse.PAE(payloadType, e.GetPayload()), sig, keys)
	if err != nil {
		return Verified{}, err
	}
	st, err := decodeStatement(op, e.GetPayload())
	if err != nil {
		return Verified{}, err
	}
	if err := st.about(op, data); err != nil {
		return Verified{}, err
	}
	v := Verified{Key: key, Statement: st}
	v.Canonical = canonical(op, bundle, key, dsseEnvelope(e.GetPayload(), sig))
	return v, nil
}

// signedBy returns the key that made a signature.
func signedBy(op string, message, sig []byte, keys []trust.Key) (trust.KeyID, error) {
	for _, k := range keys {
		if k.Verify(message, sig) == nil {
			return k.ID, nil
		}
	}
	err := fault.New(fault.Denied, op, "", "none of the %d keys given made its signature", len(keys))
	return "", fault.Hint(err, "give the public key of the signer, or compare with `artifact keys ls`")
}

// canonical reports whether a bundle is the canonical form of its content.
func canonical(op string, bundle []byte, id trust.KeyID, content *protobundle.Bundle) bool {
	want, err := encode(op, id, content)
	return err == nil && bytes.Equal(bundle, want)
}
