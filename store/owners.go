package store

import (
	"context"
	"fmt"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// maxOwners bounds how many owners one problem lists.
const maxOwners = 16

// closures walks every artifact and finds what it needs and is not there. Where
// blocks are lost it walks each artifact whole, to say which need them;
// otherwise what was walked once is not walked again.
func (c *checker) closures(ctx context.Context) error {
	seen := make(map[dag.Digest]struct{}) // dag-cbor blocks that were walked
	return c.s.Artifacts(ctx, "", func(a Artifact) error {
		c.report.Artifacts++
		if len(c.lost) > 0 {
			clear(seen)
		}
		owner := fmt.Sprintf("%s@%s", a.Repository, a.Digest())
		return c.walk(ctx, owner, "", a.Manifest, seen)
	})
}

// walk looks at what c links to. A block that is missing or lost is noted with
// its owner and, once a layer is reached, the layer's path.
func (c *checker) walk(ctx context.Context, owner, path string, cid dag.CID, seen map[dag.Digest]struct{}) error {
	if c.note(owner, path, cid.Digest) || cid.Codec != dag.Cbor {
		return nil
	}
	if _, ok := seen[cid.Digest]; ok {
		return nil
	}
	seen[cid.Digest] = struct{}{}
	b, err := c.s.Get(ctx, cid)
	if err != nil {
		return c.unreadable(owner, path, cid, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	links, err := dag.Links(b)
	if err != nil {
		c.lose(cid.Digest, Problem{Reason: err.Error(), Owners: []string{label(owner, path)}})
		return nil
	}
	paths := dag.LayerPaths(b)
	if err := c.absent(ctx, owner, path, links, paths); err != nil {
		return err
	}
	for _, l := range links {
		under := path
		if p, ok := paths[l]; ok {
			under = p
		}
		if err := c.walk(ctx, owner, under, l, seen); err != nil {
			return err
		}
	}
	return nil
}

// absent notes which of the links the index does not have.
func (c *checker) absent(ctx context.Context, owner, path string, links []dag.CID, paths map[dag.CID]string) error {
	digests := make([]dag.Digest, len(links))
	for i, l := range links {
		digests[i] = l.Digest
	}
	rows, err := c.s.blockRows(ctx, digests)
	if err != nil {
		return err
	}
	for i, l := range links {
		if _, known := c.lost[l.Digest]; rows[i] == nil && !known {
			under := path
			if p, ok := paths[l]; ok {
				under = p
			}
			c.lose(l.Digest, Problem{Reason: "it is not in the store", Owners: []string{label(owner, under)}})
		}
	}
	return nil
}

// note adds an owner to a lost block's problems, and reports whether it is lost.
func (c *checker) note(owner, path string, d dag.Digest) bool {
	at, lost := c.lost[d]
	if !lost {
		return false
	}
	who := label(owner, path)
	for _, i := range *at {
		p := &c.report.Problems[i]
		if n := len(p.Owners); n < maxOwners && (n == 0 || p.Owners[n-1] != who) {
			p.Owners = append(p.Owners, who)
		}
	}
	return true
}

func (c *checker) unreadable(owner, path string, cid dag.CID, err error) error {
	if k := fault.KindOf(err); k != fault.Corrupt && k != fault.NotFound && k != fault.Invalid {
		return err
	}
	c.lose(cid.Digest, Problem{Reason: err.Error(), Owners: []string{label(owner, path)}})
	return nil
}

func label(owner, path string) string {
	if path == "" {
		return owner
	}
	return owner + " " + path
}
