package store

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Artifact is an artifact as a repository knows it.
type Artifact struct {
	Repository string
	Manifest   dag.CID
	Tags       []string // ascending; empty where nothing names it
	Published  time.Time
}

// Digest is the artifact's digest.
func (a Artifact) Digest() dag.Digest { return a.Manifest.Digest }

// Resolve finds the artifact that r names. A bare digest is looked for in
// every repository. Errors: [fault.NotFound].
func (s *Store) Resolve(ctx context.Context, r dag.Reference) (Artifact, error) {
	const op = "resolve"
	repository, digest := r.Repository, r.Digest
	switch {
	case r.Tag != "":
		b, err := s.getOne(ctx, tagKey(repository, r.Tag))
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
		owner, err := s.firstOwner(ctx, digest)
		if err != nil {
			return Artifact{}, err
		}
		if owner == "" {
			return Artifact{}, fault.New(fault.NotFound, op, r.String(), "no repository has such an artifact")
		}
		repository = owner
	}
	b, err := s.getOne(ctx, artifactKey(repository, digest))
	if err != nil {
		return Artifact{}, err
	}
	if b == nil {
		return Artifact{}, fault.New(fault.NotFound, op, r.String(), "the repository has no such artifact")
	}
	return s.artifact(ctx, repository, b)
}

// Artifacts calls fn for each artifact of the repositories whose name begins
// with prefix, by repository and then by digest, over a snapshot of them. It
// stops at fn's first error and returns it.
func (s *Store) Artifacts(ctx context.Context, prefix string, fn func(Artifact) error) error {
	return s.meta.Iterate(ctx, append([]byte(prefixArtifact), prefix...), nil, func(k, v []byte) error {
		repository, _, ok := bytes.Cut(k[len(prefixArtifact):], []byte{0})
		if !ok {
			return fault.New(fault.Corrupt, "read index", "", "an artifact's key without a repository")
		}
		a, err := s.artifact(ctx, string(repository), v)
		if err != nil {
			return err
		}
		return fn(a)
	})
}

// Repositories returns the repositories that hold d, ascending.
func (s *Store) Repositories(ctx context.Context, d dag.Digest) ([]string, error) {
	var names []string
	prefix := ownerPrefix(d)
	err := s.meta.Iterate(ctx, prefix, nil, func(k, _ []byte) error {
		names = append(names, string(k[len(prefix):]))
		return nil
	})
	return names, err
}

func (s *Store) artifact(ctx context.Context, repository string, row []byte) (Artifact, error) {
	var r artifactRow
	if err := decodeRow(row, &r); err != nil {
		return Artifact{}, err
	}
	v := view{meta: s.meta}
	tags, err := v.tagsOf(ctx, repository, r.Manifest.Digest)
	if err != nil {
		return Artifact{}, err
	}
	return Artifact{Repository: repository, Manifest: r.Manifest, Tags: tags, Published: millis(r.Time)}, nil
}

func (s *Store) firstOwner(ctx context.Context, d dag.Digest) (string, error) {
	names, err := s.Repositories(ctx, d)
	if err != nil || len(names) == 0 {
		return "", err
	}
	return names[0], nil
}

// tagsOf returns the tags of repository that name d, ascending.
func (v *view) tagsOf(ctx context.Context, repository string, d dag.Digest) ([]string, error) {
	prefix := namePrefix(repository, d)
	named := make(map[string]bool)
	err := v.meta.Iterate(ctx, prefix, nil, func(k, _ []byte) error {
		named[string(k[len(prefix):])] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	for k, row := range v.rows {
		if tag, ok := strings.CutPrefix(k, string(prefix)); ok {
			named[tag] = row != nil
		}
	}
	maps.DeleteFunc(named, func(_ string, names bool) bool { return !names })
	return slices.Sorted(maps.Keys(named)), nil
}

func (s *Store) getOne(ctx context.Context, key []byte) ([]byte, error) {
	got, err := s.meta.GetMany(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	return got[0], nil
}

func decodeRow(b []byte, row any) error {
	return fault.Wrap(fault.Corrupt, "read index", "", dagcbor.Unmarshal(b, row))
}
