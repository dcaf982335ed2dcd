package trust

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/tegwick/artifact-store/dag/fault"
)

// PolicyType is the payload type of a signed policy.
const PolicyType = "application/vnd.artifact-store.policy.v1+json"

// envelope is a signed policy: a DSSE envelope (DSSE 1.0.2) in the form of
// RFC 8785, whose signatures are in the order of their keys, of which none
// stands twice. So one policy with one set of signatures is one sequence of
// bytes.
type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID KeyID  `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Sign puts a policy, or a delegated one, into its canonical form and signs it.
// It may be signed by nobody yet. Errors: those of [ParsePolicy],
// [fault.TooLarge] where it does not fit into an event, [fault.Conflict] where
// a key would sign twice, and those of the signers.
func Sign(policy []byte, signers ...Signer) ([]byte, error) {
	const op = "sign policy"
	d, err := parseDocument(op, policy)
	if err != nil {
		return nil, err
	}
	payload, err := d.encode(op)
	if err != nil {
		return nil, err
	}
	e := &envelope{Payload: payload, PayloadType: PolicyType, Signatures: []signature{}}
	for _, s := range signers {
		if err := e.add(op, s); err != nil {
			return nil, err
		}
	}
	return e.encode(op)
}

// AddSignature adds a signature to a signed policy. Errors: as [Sign], and
// [fault.Invalid] for what is no signed policy.
func AddSignature(signed []byte, s Signer) ([]byte, error) {
	const op = "add signature to policy"
	e, _, err := openEnvelope(op, signed)
	if err != nil {
		return nil, err
	}
	if err := e.add(op, s); err != nil {
		return nil, err
	}
	return e.encode(op)
}

// add signs e. A signature that its own key does not verify is not added.
func (e *envelope) add(op string, s Signer) error {
	key := s.Key()
	at, signed := slices.BinarySearchFunc(e.Signatures, key.ID, byKey)
	if signed {
		return fault.New(fault.Conflict, op, string(key.ID), "the key has signed it already")
	}
	sig, err := s.Sign(e.message())
	if err != nil {
		return fault.Wrap(fault.Other, op, string(key.ID), err)
	}
	if err := key.Verify(e.message(), sig); err != nil {
		return fault.Wrap(fault.Other, op, string(key.ID), err)
	}
	e.Signatures = slices.Insert(e.Signatures, at, signature{key.ID, sig})
	return nil
}

func byKey(s signature, id KeyID) int { return strings.Compare(string(s.KeyID), string(id)) }

// message is what is signed.
func (e *envelope) message() []byte { return dsse.PAE(e.PayloadType, e.Payload) }

func (e *envelope) encode(op string) ([]byte, error) {
	b, err := marshal(e)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	if len(b) > MaxEnvelope {
		err := fault.New(fault.TooLarge, op, "", "signed it has %d bytes; %d are the most", len(b), MaxEnvelope)
		return nil, fault.Hint(err, "delegate parts of it, or leave out keys that are no longer in use")
	}
	return b, nil
}

// openEnvelope reads an envelope and the document in it, both in their
// canonical form. Nothing is verified yet.
func openEnvelope(op string, signed []byte) (*envelope, *document, error) {
	if len(signed) > MaxEnvelope {
		return nil, nil, fault.New(fault.TooLarge, op, "", "it is longer than %d bytes", MaxEnvelope)
	}
	e := new(envelope)
	if err := json.Unmarshal(signed, e); err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	if again, err := marshal(e); err != nil || !bytes.Equal(again, signed) {
		return nil, nil, invalid(op, "", "the envelope is not in its canonical form")
	}
	if e.PayloadType != PolicyType {
		return nil, nil, invalid(op, "", "its payload is of type %.100q, not %s", e.PayloadType, PolicyType)
	}
	if e.Signatures == nil {
		return nil, nil, invalid(op, "", "it has no list of signatures")
	}
	for i, s := range e.Signatures {
		if !s.KeyID.valid() || i > 0 && e.Signatures[i-1].KeyID >= s.KeyID {
			return nil, nil, invalid(op, "", "its signatures are not in the order of the ids of distinct keys")
		}
	}
	d, err := parseCanonical(op, e.Payload)
	return e, d, err
}

// signers verifies every signature with the key that it names, which must be
// one of those that may sign, and returns whose they are. A signature that is
// not what it says is [fault.Corrupt], one of another key [fault.Denied]: so
// every byte of an envelope that is accepted was vouched for.
func (e *envelope) signers(op string, may map[KeyID]Key) (map[KeyID]bool, error) {
	message := e.message()
	signed := map[KeyID]bool{}
	for _, s := range e.Signatures {
		key, ok := may[s.KeyID]
		if !ok {
			return nil, fault.New(fault.Denied, op, string(s.KeyID), "it is signed by a key that has no say in it")
		}
		if err := key.Verify(message, s.Sig); err != nil {
			return nil, fault.Wrap(fault.Corrupt, op, string(s.KeyID), err)
		}
		signed[s.KeyID] = true
	}
	return signed, nil
}

// met reports how many of the keys of q are in signed, and whether they are
// enough.
func (q quorum) met(signed map[KeyID]bool) (n int, enough bool) {
	for _, id := range q.Keys {
		if signed[id] {
			n++
		}
	}
	return n, n >= q.Threshold
}
