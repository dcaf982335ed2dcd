package trust

import (
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// validate checks what the form alone does not, brings keys into their
// canonical text, and makes the table of the rules.
func (d *document) validate(op string) error {
	for _, step := range []func(op string) error{d.validateHead, d.validateKeys, d.validateLogs, d.validateRevoked, d.validateRules} {
		if err := step(op); err != nil {
			return err
		}
	}
	table, err := newTable(op, d.Rules)
	d.table = table
	return err
}

func (d *document) validateHead(op string) error {
	switch {
	case d.Version != version:
		return invalid(op, "", "it has version %d, not %d", d.Version, version)
	case d.Epoch < 1 || d.Epoch > maxNumber:
		return invalid(op, "", "its epoch is not from 1 to %d", uint64(maxNumber))
	case d.Expires.IsZero():
		return invalid(op, "", "it does not say when it expires")
	case len(d.Keys) > MaxKeys || len(d.Rules) > MaxRules || len(d.Logs) > MaxRules || len(d.Revoked) > MaxRevoked:
		return fault.New(fault.TooLarge, op, "", "%d keys, %d rules, %d logs and %d revocations, where %d, %d, %d and %d are the most",
			len(d.Keys), len(d.Rules), len(d.Logs), len(d.Revoked), MaxKeys, MaxRules, MaxRules, MaxRevoked)
	case d.Prefix == "" && d.Roots == nil:
		return invalid(op, "", "it names no roots")
	case d.Prefix != "" && (d.Roots != nil || d.Logs != nil):
		return invalid(op, d.Prefix, "a delegated policy names no roots and no logs")
	case d.Prefix != "":
		return validatePrefix(op, d.Prefix)
	}
	return nil
}

func (d *document) validateKeys(op string) error {
	names := map[string]bool{}
	for id, k := range d.Keys {
		key, err := ParseKey([]byte(k.PEM))
		if err != nil {
			return fault.Wrap(fault.Other, op, string(id), err)
		}
		switch {
		case key.ID != id:
			return invalid(op, string(id), "the key beneath this id is %s", key.ID)
		case !printable(k.Name) || k.Name != strings.TrimSpace(k.Name):
			return invalid(op, string(id), "it has no name of printable ASCII of at most %d bytes", maxText)
		case names[k.Name]:
			return invalid(op, string(id), "another key is named %q too", k.Name)
		}
		names[k.Name] = true
		k.key, k.PEM = key, string(key.PEM())
		d.Keys[id] = k
	}
	if d.Roots != nil {
		return d.validateAuthority(op, "roots", *d.Roots)
	}
	return nil
}

func (d *document) validateLogs(op string) error {
	for origin, text := range d.Logs {
		site, _, ok := strings.Cut(origin, "/")
		if err := eventlog.ValidateSite(site); err != nil || !ok {
			return invalid(op, origin, "it is not the origin of a log, as in example.org/acme")
		}
		v, err := note.NewVerifier(text)
		if err != nil {
			return fault.Wrap(fault.Invalid, op, origin, err)
		}
		if v.Name() != origin {
			return invalid(op, origin, "its verifier key is named %q", v.Name())
		}
	}
	return nil
}

func (d *document) validateRevoked(op string) error {
	seen := map[KeyID]bool{}
	for _, r := range d.Revoked {
		switch {
		case !r.Key.valid():
			return invalid(op, string(r.Key), "a revoked key is named by the 64 hex digits of its id")
		case seen[r.Key]:
			return invalid(op, string(r.Key), "it is revoked twice")
		case len(r.From) > MaxRevoked:
			return fault.New(fault.TooLarge, op, string(r.Key), "it is revoked in more than %d namespaces", MaxRevoked)
		}
		seen[r.Key] = true
		for namespace, index := range r.From {
			if strings.Contains(namespace, "/") || index > maxNumber {
				return invalid(op, string(r.Key), "want a namespace and an index in its log, not %.100q and %d", namespace, index)
			}
			if err := validatePrefix(op, namespace); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *document) validateRules(op string) error {
	for _, r := range d.Rules {
		if err := validatePrefix(op, r.Namespace); err != nil {
			return err
		}
		if d.Prefix != "" && !within(r.Namespace, d.Prefix) {
			return invalid(op, r.Namespace, "it is not beneath %s, which is all that was delegated", d.Prefix)
		}
		if r.Publish != nil {
			if err := d.validateQuorum(op, r.Namespace, *r.Publish); err != nil {
				return err
			}
		}
		if err := d.validateAttestations(op, r); err != nil {
			return err
		}
		if err := d.validateDelegate(op, r); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) validateAttestations(op string, r rule) error {
	if len(r.Attestations) > MaxRules {
		return fault.New(fault.TooLarge, op, r.Namespace, "it asks for more than %d attestations", MaxRules)
	}
	types := map[string]bool{}
	for _, a := range r.Attestations {
		switch {
		case !printable(a.Type) || strings.Contains(a.Type, " "):
			return invalid(op, r.Namespace, "an attestation's type is a URI of at most %d bytes", maxText)
		case types[a.Type]:
			return invalid(op, r.Namespace, "it asks for %s twice", a.Type)
		case a.Type == ClaimType:
			return invalid(op, r.Namespace, "who has to claim a name stands under publish")
		}
		types[a.Type] = true
		if err := d.validateQuorum(op, r.Namespace, a.quorum); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) validateDelegate(op string, r rule) error {
	switch {
	case r.Delegate == nil:
		return nil
	case d.Prefix != "":
		return invalid(op, r.Namespace, "what was delegated is not delegated further")
	case len(r.Delegate.Prefixes) == 0:
		return invalid(op, r.Namespace, "it delegates no prefix")
	case len(r.Delegate.Prefixes) > MaxRules:
		return fault.New(fault.TooLarge, op, r.Namespace, "it delegates more than %d prefixes", MaxRules)
	}
	for _, prefix := range r.Delegate.Prefixes {
		if err := validatePrefix(op, prefix); err != nil {
			return err
		}
		if prefix == r.Namespace || !within(prefix, r.Namespace) {
			return invalid(op, prefix, "only what is beneath %s can be delegated there", r.Namespace)
		}
	}
	return d.validateAuthority(op, r.Namespace, r.Delegate.quorum)
}

// validateAuthority checks keys that sign policies. They have no end of their
// own, which would have to be held against a time that nobody vouches for: the
// policy's expiry is what bounds them.
func (d *document) validateAuthority(op, what string, q quorum) error {
	if err := d.validateQuorum(op, what, q); err != nil {
		return err
	}
	for _, id := range q.Keys {
		if !d.Keys[id].NotAfter.IsZero() {
			return invalid(op, what, "%s signs policies, so that it has no notAfter: the policy expires", d.Keys[id].Name)
		}
		if slices.ContainsFunc(d.Revoked, func(r Revocation) bool { return r.Key == id }) {
			return invalid(op, what, "%s signs policies, and is revoked", d.Keys[id].Name)
		}
	}
	return nil
}

func (d *document) validateQuorum(op, what string, q quorum) error {
	seen := map[KeyID]bool{}
	for _, id := range q.Keys {
		if _, known := d.Keys[id]; !known || seen[id] {
			return invalid(op, what, "key %.64q is not among the keys of the policy, or listed twice", id)
		}
		seen[id] = true
	}
	if q.Threshold < 1 || q.Threshold > len(q.Keys) {
		return invalid(op, what, "a threshold of %d with %d keys", q.Threshold, len(q.Keys))
	}
	return nil
}

// validatePrefix tells whether s is a repository or the elements before one.
func validatePrefix(op, s string) error {
	repository := s
	if !strings.Contains(s, "/") { // a namespace
		repository += "/any"
	}
	if dag.ValidateRepository(repository) != nil {
		return invalid(op, "", "%.300q is neither a namespace nor a repository, as in acme or acme/prod", s)
	}
	return nil
}

// printable reports whether s is printable ASCII of at most maxText bytes, and
// not empty.
func printable(s string) bool {
	return s != "" && len(s) <= maxText && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

func invalid(op, what, format string, args ...any) error {
	return fault.New(fault.Invalid, op, what, format, args...)
}
