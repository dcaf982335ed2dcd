package store

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// catalog reads the views: those of a store as they are, or those of the past.
type catalog struct {
	meta Metadata
	// settled tells of a change beneath: it returns an error while the views are
	// being rebuilt, and a number that is another after they were.
	settled func() (uint64, error)
}

// Artifact is an artifact as a repository knows it.
type Artifact struct {
	Repository string
	Manifest   dag.CID
	Tags       []string // ascending; empty where nothing names it
	Published  time.Time
	// Index is that of its publication in the log of its namespace.
	Index uint64
	// Subject is the digest of what it refers to; nil where it is no referrer.
	Subject      *dag.Digest
	ArtifactType string
	Signature    bool // it is a signature or an attestation
}

// Digest is the artifact's digest.
func (a Artifact) Digest() dag.Digest { return a.Manifest.Digest }

// Resolve finds the artifact that r names. A bare digest is looked for in
// every repository. Errors: [fault.NotFound].
func (c *catalog) Resolve(ctx context.Context, r dag.Reference) (Artifact, error) {
	return steady(c, func() (Artifact, error) { return c.resolve(ctx, r) })
}

func (c *catalog) resolve(ctx context.Context, r dag.Reference) (Artifact, error) {
	const op = "resolve"
	repository, digest := r.Repository, r.Digest
	switch {
	case r.Tag != "":
		b, err := c.getOne(ctx, tagKey(repository, r.Tag))
		if err != nil {
			return Artifact{}, err
		}
		if b == nil {
			return Artifact{}, fault.New(fault.NotFound, op, r.String(), "there is no such tag")
		}
		var row tagRow
		if err := decodeRow(b, &row); err != nil {
			return Artifact{}, err
		}
		digest = row.Manifest.Digest
	case repository == "":
		owner, err := c.firstOwner(ctx, digest)
		if err != nil {
			return Artifact{}, err
		}
		if owner == "" {
			return Artifact{}, fault.New(fault.NotFound, op, r.String(), "no repository has such an artifact")
		}
		repository = owner
	}
	b, err := c.getOne(ctx, artifactKey(repository, digest))
	if err != nil {
		return Artifact{}, err
	}
	if b == nil {
		return Artifact{}, fault.New(fault.NotFound, op, r.String(), "the repository has no such artifact")
	}
	return c.artifact(ctx, repository, b)
}

// TagIndex returns the index, in the log of its namespace, of the event that
// set a tag. Errors: [fault.NotFound].
func (c *catalog) TagIndex(ctx context.Context, repository, tag string) (uint64, error) {
	return steady(c, func() (uint64, error) {
		b, err := c.getOne(ctx, tagKey(repository, tag))
		if err != nil {
			return 0, err
		}
		if b == nil {
			return 0, fault.New(fault.NotFound, "resolve", repository+":"+tag, "there is no such tag")
		}
		var row tagRow
		err = decodeRow(b, &row)
		return row.Index, err
	})
}

// Artifacts calls fn for each artifact of the repositories whose name begins
// with prefix, by repository and then by digest, over a snapshot of them. It
// stops at fn's first error and returns it.
func (c *catalog) Artifacts(ctx context.Context, prefix string, fn func(Artifact) error) error {
	began, err := c.settled()
	if err != nil {
		return err
	}
	return c.meta.Iterate(ctx, append([]byte(prefixArtifact), prefix...), nil, func(k, v []byte) error {
		repository, _, ok := bytes.Cut(k[len(prefixArtifact):], []byte{0})
		if !ok {
			return fault.New(fault.Corrupt, "read index", "", "an artifact's key without a repository")
		}
		a, err := c.artifact(ctx, string(repository), v)
		if err != nil {
			return err
		}
		if now, err := c.settled(); err != nil || now != began {
			return errUnsettled()
		}
		return fn(a)
	})
}

// Repositories returns the repositories that hold d, ascending.
func (c *catalog) Repositories(ctx context.Context, d dag.Digest) ([]string, error) {
	return steady(c, func() ([]string, error) { return c.repositories(ctx, d) })
}

func (c *catalog) repositories(ctx context.Context, d dag.Digest) ([]string, error) {
	var names []string
	prefix := ownerPrefix(d)
	err := c.meta.Iterate(ctx, prefix, nil, func(k, _ []byte) error {
		names = append(names, string(k[len(prefix):]))
		return nil
	})
	return names, err
}

func (c *catalog) artifact(ctx context.Context, repository string, row []byte) (Artifact, error) {
	var r artifactRow
	if err := decodeRow(row, &r); err != nil {
		return Artifact{}, err
	}
	v := view{meta: c.meta}
	tags, err := v.tagsOf(ctx, repository, r.Manifest.Digest)
	if err != nil {
		return Artifact{}, err
	}
	a := Artifact{
		Repository: repository, Manifest: r.Manifest, Tags: tags, Published: millis(r.Time),
		Index: r.Index, ArtifactType: r.ArtifactType, Signature: r.Signature,
	}
	if d, ok := digestOf(r.Subject); ok {
		a.Subject = &d
	}
	return a, nil
}

func (c *catalog) firstOwner(ctx context.Context, d dag.Digest) (string, error) {
	names, err := c.repositories(ctx, d)
	if err != nil || len(names) == 0 {
		return "", err
	}
	return names[0], nil
}

// tagsOf returns the tags of repository that name d, ascending.
func (v *view) tagsOf(ctx context.Context, repository string, d dag.Digest) ([]string, error) {
	named, err := v.list(ctx, namePrefix(repository, d))
	return slices.Sorted(maps.Keys(named)), err
}

// Referrers returns the artifacts of repository that refer to the manifest with
// digest subject, in the order in which they were published.
func (c *catalog) Referrers(ctx context.Context, repository string, subject dag.Digest) ([]Artifact, error) {
	return steady(c, func() ([]Artifact, error) {
		var found []Artifact
		prefix := referrerPrefix(repository, subject)
		err := c.meta.Iterate(ctx, prefix, nil, func(k, _ []byte) error {
			d, ok := digestOf(k[len(prefix):])
			if !ok {
				return fault.New(fault.Corrupt, "read index", "", "a referrer's key of %d bytes", len(k))
			}
			a, err := c.resolve(ctx, dag.Reference{Repository: repository, Digest: d})
			if fault.Is(err, fault.NotFound) {
				return nil // removed since
			}
			found = append(found, a)
			return err
		})
		slices.SortFunc(found, func(a, b Artifact) int { return cmp.Compare(a.Index, b.Index) })
		return found, err
	})
}

// steady gives out what read returns, unless the views were being rebuilt
// meanwhile.
func steady[T any](c *catalog, read func() (T, error)) (T, error) {
	var none T
	began, err := c.settled()
	if err != nil {
		return none, err
	}
	got, err := read()
	if now, changed := c.settled(); changed != nil || now != began {
		return none, errUnsettled()
	}
	return got, err
}

func errUnsettled() error {
	return fault.Hint(fault.New(fault.Unavailable, "read views", "", "they are being rebuilt"), "try again in a while")
}

func (c *catalog) getOne(ctx context.Context, key []byte) ([]byte, error) {
	got, err := c.meta.GetMany(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	return got[0], nil
}
