package node

import (
	"context"
	"strings"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

// Tag makes repository:tag name the artifact of r; a tag that is there moves.
// It returns what was tagged. Errors: [fault.NotFound], [fault.Invalid].
func (n *Node) Tag(ctx context.Context, r dag.Reference, repository, tag string) (Artifact, error) {
	if err := checkName(repository, tag); err != nil {
		return Artifact{}, err
	}
	a, err := n.resolve(ctx, r)
	if err != nil {
		return a, fault.Wrap(fault.Other, "tag", r.String(), err)
	}
	p := store.Publication{Repository: repository, Tag: tag, Manifest: a.Manifest, ArtifactType: a.ArtifactType, Subject: a.Subject}
	err = n.admitted(ctx, p, func(adm trust.Admission, p store.Publication) error {
		return n.store.Tag(ctx, adm, a, p)
	})
	if err != nil {
		return a, err
	}
	return n.resolve(ctx, dag.Reference{Repository: repository, Tag: tag})
}

// Removal tells what a removal took away.
type Removal struct {
	Artifact Artifact // as it was before
	Tags     []string // that are gone
	Whole    bool     // the artifact is no longer in its repository
	// Referrers are its signatures and attestations there, which went with it.
	Referrers []Artifact
}

// Remove takes a name away. A tag goes, and with the artifact's last tag the
// artifact leaves the repository, and its signatures and attestations there with
// it. A digest takes the artifact out, which is [fault.Conflict] while tags name
// it unless withTags, and where several repositories hold a digest that is given
// alone. Bytes are freed by [Node.Collect].
func (n *Node) Remove(ctx context.Context, r dag.Reference, withTags bool) (Removal, error) {
	const op = "rm"
	defer n.home.Freeing()()
	a, err := n.resolve(ctx, r)
	if err != nil {
		return Removal{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	if r.Tag != "" && len(a.Tags) > 1 {
		err := n.store.Untag(ctx, a.Repository, r.Tag)
		return Removal{Artifact: a, Tags: []string{r.Tag}}, err
	}
	if r.Tag == "" {
		if err := n.mayRemoveDigest(ctx, r, a, withTags); err != nil {
			return Removal{}, fault.Wrap(fault.Other, op, r.String(), err)
		}
	}
	done := Removal{Artifact: a, Tags: a.Tags, Whole: true}
	if err := n.store.Remove(ctx, a); err != nil {
		return done, err
	}
	done.Referrers, err = n.removeReferrers(context.WithoutCancel(ctx), a)
	return done, fault.Wrap(fault.Other, op, r.String(), err)
}

// removeReferrers takes the signatures and attestations of what was removed out
// of its repository, and what vouches for those in turn. They go after it, so
// that nothing is left without its signatures that can still be had.
func (n *Node) removeReferrers(ctx context.Context, a Artifact) (gone []Artifact, err error) {
	for subjects := []Artifact{a}; len(subjects) > 0; subjects = subjects[1:] {
		found, err := n.store.Referrers(ctx, a.Repository, subjects[0].Digest())
		if err != nil {
			return gone, err
		}
		for _, f := range found {
			if !f.Signature {
				continue
			}
			if err := n.store.Remove(ctx, f); err != nil {
				return gone, fault.Hint(err, "remove it by itself: artifact rm %s@%s --with-tags", f.Repository, f.Digest())
			}
			gone = append(gone, f)
			subjects = append(subjects, f)
		}
	}
	return gone, nil
}

// mayRemoveDigest refuses what the user may not have meant.
func (n *Node) mayRemoveDigest(ctx context.Context, r dag.Reference, a Artifact, withTags bool) error {
	if len(a.Tags) > 0 && !withTags {
		err := fault.New(fault.Conflict, "remove", a.Repository, "these tags name it: %s", strings.Join(a.Tags, " "))
		return fault.Hint(err, "remove the tags, or all at once with --with-tags")
	}
	if r.Repository != "" {
		return nil
	}
	owners, err := n.store.Repositories(ctx, r.Digest)
	if err != nil || len(owners) < 2 {
		return err
	}
	err = fault.New(fault.Conflict, "remove", "", "several repositories hold it: %s", strings.Join(owners, " "))
	return fault.Hint(err, "name one, as in %s@%s", owners[0], r.Digest)
}
