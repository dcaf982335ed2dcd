package node

import (
	"context"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

// Signatures returns what is signed and stated about an artifact, in the order
// in which it was attached. Each of the keys, by name, by id, or the path of a
// public one, must have signed it for its name: the error is [fault.Corrupt]
// where one has not, and the signatures are returned all the same. A name
// stands for the keys that had it before, too. [fault.NotFound] is a key, or an
// artifact, that there is not.
func (n *Node) Signatures(ctx context.Context, r dag.Reference, keys ...string) ([]Signature, error) {
	const op = "verify"
	a, block, err := n.toVouchFor(ctx, op, r)
	if err != nil {
		return nil, err
	}
	known, err := n.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	wanted := make([][]trust.Key, len(keys))
	var more []trust.Key
	for i, arg := range keys {
		if wanted[i], err = keysNamed(known, arg); err != nil {
			return nil, err
		}
		more = append(more, wanted[i]...)
	}
	found, err := n.referrers(ctx, a, block, more...)
	if err != nil {
		return nil, err
	}
	var all []Signature
	for _, f := range found {
		all = append(all, f.Signatures...)
	}
	var lacking []string
	for i, arg := range keys {
		if why := notSigned(all, a.Repository, r.Tag, wanted[i]); why != "" {
			lacking = append(lacking, arg+": "+why)
		}
	}
	if len(lacking) > 0 {
		return all, fault.New(fault.Corrupt, op, r.String(), "no valid signature by %s", strings.Join(lacking, "; "))
	}
	return all, nil
}

// notSigned returns "" where one of the keys has signed for a name, and else
// what came nearest to it.
func notSigned(all []Signature, repository, tag string, keys []trust.Key) string {
	why := "it has signed nothing here"
	for _, s := range all {
		for _, k := range keys {
			switch {
			case s.Key != k.ID:
			case s.For(repository, tag):
				return ""
			case s.Why != "":
				why = s.Why
			case s.Type == trust.Attestation:
				why = "it has attested to it, and not signed it"
			default:
				why = "it has signed it for " + strings.TrimSuffix(s.Repository+":"+s.Tag, ":")
			}
		}
	}
	return why
}

// keysNamed returns the keys that a person means by an argument: an id, or a
// name, with the keys that had it before; what cannot be one is the path of a
// public key.
func keysNamed(known []store.Key, arg string) ([]trust.Key, error) {
	const op = "find key"
	if home.ValidateKeyName(arg) != nil {
		data, err := readFile(op, arg, maxKeyFile)
		if err != nil {
			return nil, err
		}
		key, err := trust.ParseKey(data)
		if err != nil {
			err = fault.Hint(fault.Wrap(fault.Other, op, arg, err), "give the public half: artifact keys export NAME --public")
		}
		return []trust.Key{key}, err
	}
	var named []trust.Key
	for _, k := range known {
		if k.ID != arg && k.Name != arg {
			continue
		}
		key, err := trust.ParseKey([]byte(k.PEM))
		if err != nil {
			return nil, fault.Wrap(fault.Corrupt, op, arg, err)
		}
		named = append(named, key)
	}
	if len(named) == 0 {
		return nil, noSuchKey(op, arg)
	}
	return named, nil
}
