package sigstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// MediaType is the media type of a bundle, and stands in it.
const MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// SignBlob signs data and returns a bundle with the signature and the SHA-256
// of data. Its bytes are canonical: one key and one signature have one bundle.
// Data that reads as what DSSE has signed is [fault.Invalid]: its signature
// would do for an attestation that the signer never saw.
func SignBlob(s trust.Signer, data []byte) (bundle []byte, err error) {
	const op = "sign"
	if bytes.HasPrefix(data, []byte("DSSEv1 ")) {
		return nil, fault.New(fault.Invalid, op, "", "the data begins as an envelope's signed bytes do")
	}
	sig, err := s.Sign(data)
	if err != nil {
		return nil, err
	}
	return encode(op, s.Key().ID, messageSignature(data, sig))
}

// messageSignature is the content of a bundle that signs data.
func messageSignature(data, sig []byte) *protobundle.Bundle {
	digest := sha256.Sum256(data)
	return &protobundle.Bundle{Content: &protobundle.Bundle_MessageSignature{
		MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: digest[:]},
			Signature:     sig,
		},
	}}
}

// dsseEnvelope is the content of a bundle that signs a payload by its type. The
// signature has no key id: cosign would compare it with the fingerprint that
// SSH gives the key.
func dsseEnvelope(payload, sig []byte) *protobundle.Bundle {
	return &protobundle.Bundle{Content: &protobundle.Bundle_DsseEnvelope{
		DsseEnvelope: &protodsse.Envelope{
			PayloadType: payloadType,
			Payload:     payload,
			Signatures:  []*protodsse.Signature{{Sig: sig}},
		},
	}}
}

// encode returns the canonical form of a bundle's content, signed by a key: the
// fields in the order of the schema, no white space, standard base64 with
// padding, nothing left out or added, and the hint that cosign gives: the
// SHA-256 of the public key in DER, in base64.
func encode(op string, id trust.KeyID, content *protobundle.Bundle) ([]byte, error) {
	sum, err := hex.DecodeString(string(id))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, string(id), err)
	}
	b := &protobundle.Bundle{
		MediaType: MediaType,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{
				PublicKey: &protocommon.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(sum)},
			},
		},
		Content: content.Content,
	}
	text, err := protojson.Marshal(b)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	var out bytes.Buffer
	out.Grow(len(text))
	if err := json.Compact(&out, text); err != nil { // protojson strews spaces at random
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	if out.Len() > MaxBundle {
		return nil, fault.New(fault.TooLarge, op, "", "the bundle has more than %d bytes", MaxBundle)
	}
	return out.Bytes(), nil
}

// decode reads a bundle of v0.3 that names a public key. Its JSON may be
// written in any way that Protocol Buffers allow, for cosign's is.
func decode(op string, text []byte) (*protobundle.Bundle, error) {
	if len(text) > MaxBundle {
		return nil, fault.New(fault.TooLarge, op, "", "a bundle has at most %d bytes", MaxBundle)
	}
	if err := checkJSON(op, text, maxBundleDepth, maxBundleTokens); err != nil {
		return nil, err
	}
	var b protobundle.Bundle
	if err := protojson.Unmarshal(text, &b); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	material := b.GetVerificationMaterial()
	switch {
	case b.GetMediaType() != MediaType:
		return nil, fault.New(fault.Invalid, op, "", "its media type is %.100q, not %s", b.GetMediaType(), MediaType)
	case material.GetCertificate() != nil || material.GetX509CertificateChain() != nil:
		err := fault.New(fault.Denied, op, "", "it is signed by a certificate, and only keys are verified")
		return nil, fault.Hint(err, "sign with a key that the policy names")
	case material.GetPublicKey() == nil:
		return nil, fault.New(fault.Invalid, op, "", "it does not say that a public key signed it")
	}
	return &b, nil
}
