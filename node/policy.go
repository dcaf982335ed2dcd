package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

// Verdict is what the policy makes of an artifact under a name.
type Verdict = trust.Verdict

// PolicyInForce is a policy that was set, with what it says.
type PolicyInForce struct {
	Epoch    uint64
	Set      time.Time
	Index    uint64 // of the event that set it, in the node's log
	Expires  time.Time
	Envelope []byte          // as it was signed
	Document json.RawMessage // what the envelope of that epoch holds
}

// Policy returns the policy in force. Errors: [fault.NotFound] where none is
// set.
func (n *Node) Policy(ctx context.Context) (PolicyInForce, error) {
	const op = "show policy"
	set, err := n.store.Policies(ctx)
	if err != nil {
		return PolicyInForce{}, fault.Wrap(fault.Other, op, "", err)
	}
	if len(set) == 0 {
		err := fault.New(fault.NotFound, op, "", "no policy is set: whoever can write to this store may publish")
		return PolicyInForce{}, fault.Hint(err, "begin one: artifact policy init --root KEY -o policy.json")
	}
	p, err := n.policy(ctx)
	if err != nil {
		return PolicyInForce{}, fault.Wrap(fault.Other, op, "", err)
	}
	last := set[len(set)-1]
	in := PolicyInForce{Epoch: last.Epoch, Set: last.Set, Index: last.Index, Expires: p.Expires(), Envelope: last.Envelope}
	var envelope struct {
		Payload []byte `json:"payload"`
	}
	if err := json.Unmarshal(last.Envelope, &envelope); err != nil {
		return in, fault.Wrap(fault.Corrupt, op, "", err)
	}
	in.Document = envelope.Payload
	return in, nil
}

// template is a policy to be edited.
type template struct {
	Version int                    `json:"version"`
	Epoch   uint64                 `json:"epoch"`
	Expires string                 `json:"expires"`
	Roots   templateQuorum         `json:"roots"`
	Keys    map[string]templateKey `json:"keys"`
	Logs    map[string]string      `json:"logs"`
	Rules   []templateRule         `json:"rules"`
}

type templateQuorum struct {
	Threshold int      `json:"threshold"`
	Keys      []string `json:"keys"`
}

type templateKey struct {
	Name string `json:"name,omitempty"`
	PEM  string `json:"pem"`
}

type templateRule struct {
	Namespace string         `json:"namespace"`
	Publish   templateQuorum `json:"publish"`
}

// templateLife is how long a policy of a template is valid.
const templateLife = 365 * 24 * time.Hour

// PolicyTemplate writes a policy to be edited: its roots are the named keys,
// and it lets each of the node's active keys publish in each of its namespaces.
// Errors: [fault.NotFound] for a key that the log does not know.
func (n *Node) PolicyTemplate(ctx context.Context, roots []string) ([]byte, error) {
	const op = "make policy"
	known, err := n.store.Keys(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, "", err)
	}
	t := template{
		Version: 1, Epoch: 1, Expires: n.now().Add(templateLife).UTC().Format("2006-01-02T15:04:05Z"),
		Keys: make(map[string]templateKey), Logs: make(map[string]string),
	}
	var active []string
	for _, k := range known {
		if stateOf(k) == KeyActive {
			t.Keys[k.ID] = templateKey{Name: k.Name, PEM: k.PEM}
			active = append(active, k.ID)
		}
	}
	for _, name := range roots {
		k, err := findKey(known, name)
		if err != nil {
			return nil, fault.Wrap(fault.Other, op, name, err)
		}
		t.Roots.Keys = append(t.Roots.Keys, k.ID)
	}
	t.Roots.Threshold = len(t.Roots.Keys)
	logs, err := n.Logs(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, "", err)
	}
	for _, l := range logs {
		t.Logs[l.Origin] = l.Key
		if l.Namespace != "" {
			t.Rules = append(t.Rules, templateRule{l.Namespace, templateQuorum{1, active}})
		}
	}
	text, err := json.MarshalIndent(t, "", "  ")
	return append(text, '\n'), fault.Wrap(fault.Other, op, "", err)
}

// findKey finds an active key by its name or id.
func findKey(known []store.Key, name string) (store.Key, error) {
	for _, k := range known {
		if (k.Name == name || k.ID == name) && stateOf(k) == KeyActive {
			return k, nil
		}
	}
	err := fault.New(fault.NotFound, "find key", name, "no active key has this name")
	return store.Key{}, fault.Hint(err, "see what there is: artifact keys ls")
}

// SignPolicy signs a policy as people write it, or adds a signature to one that
// is signed. Errors: [fault.Invalid] where it is neither.
func (n *Node) SignPolicy(text []byte, key SigningKey) ([]byte, error) {
	var envelope struct {
		PayloadType string `json:"payloadType"`
	}
	var signed []byte
	var err error
	if json.Unmarshal(text, &envelope) == nil && envelope.PayloadType != "" {
		signed, err = trust.AddSignature(text, key.signer)
	} else {
		signed, err = trust.Sign(text, key.signer)
	}
	return signed, fault.Wrap(fault.Other, "sign policy", key.Name, err)
}

// SetPolicy puts a signed policy in force, where those have signed it whose
// leave that takes: its own roots, and those of the one that it follows. It
// returns its epoch. Errors: [fault.Denied], [fault.Invalid], [fault.Conflict].
func (n *Node) SetPolicy(ctx context.Context, signed []byte) (uint64, error) {
	const op = "set policy"
	p, err := n.chain(ctx)
	if err != nil {
		return 0, fault.Wrap(fault.Other, op, "", err)
	}
	var next *trust.Policy
	if p == nil {
		next, err = trust.First(signed)
	} else {
		next, err = p.Next(signed)
	}
	if err != nil {
		return 0, fault.Wrap(fault.Other, op, "", err)
	}
	if !n.now().Before(next.Expires()) {
		err := fault.New(fault.Invalid, op, "", "it expired at %s, and would deny everything", next.Expires().Format(time.RFC3339))
		return 0, fault.Hint(err, "give it a later expires, and sign it again")
	}
	return next.Epoch(), n.store.SetPolicy(ctx, signed, next.Epoch())
}

// CheckPolicy asks the policy in force of an artifact under a name, "" for that
// of the reference, and explains each rule's outcome. Nothing is published.
func (n *Node) CheckPolicy(ctx context.Context, r dag.Reference, repository, tag string) (Verdict, error) {
	const op = "check policy"
	a, err := n.resolve(ctx, r)
	if err != nil {
		return Verdict{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	if repository == "" {
		repository, tag = a.Repository, r.Tag
	}
	p, err := n.policy(ctx)
	if err != nil {
		return Verdict{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	pub := store.Publication{
		Repository: repository, Tag: tag, Manifest: a.Manifest, Subject: a.Subject, ArtifactType: a.ArtifactType, Signature: a.Signature,
	}
	if p == nil {
		return p.Check(subject(pub), nil, n.now()), nil
	}
	have, err := n.statements(ctx, p, pub)
	if err != nil {
		return Verdict{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	return p.Check(subject(pub), have, n.now()), nil
}
