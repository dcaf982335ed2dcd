package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "say what an artifact is",
		ArgsUsage: "REF",
		Description: `artifact show acme/app:v1
artifact show acme/app:v1 --files
artifact show acme/app:v1 --at 120      as it was after the first 120 events of the log of acme
artifact show acme/app:v1 --manifest > manifest.cbor     the exact bytes that the digest is of

The fields of --json: repository, tags, digest, cid, published, type, files, bytes,
annotations, config, oci_digest, referrers: a list of {digest, type, published, signatures},
of which a signature is {kind, key, name, type, for, ok, why}; with --files also entries: a list of {path, kind, size,
mode, link, sha256, root}. config is {type, size, root}.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "files", Usage: "list what it holds"},
			&cli.BoolFlag{Name: "manifest", Usage: "write the manifest's DAG-CBOR to standard output"},
			atFlag,
		},
		Action:       p.show,
		BashComplete: p.completeReferences,
	}
}

type showJSON struct {
	Repository  string            `json:"repository"`
	Tags        []string          `json:"tags"`
	Digest      string            `json:"digest"`
	CID         string            `json:"cid"`
	Published   time.Time         `json:"published"`
	Type        string            `json:"type,omitempty"`
	Files       int64             `json:"files"`
	Bytes       int64             `json:"bytes"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Config      *configJSON       `json:"config,omitempty"`
	OCIDigest   string            `json:"oci_digest,omitempty"`
	Referrers   []referrerJSON    `json:"referrers,omitempty"`
	Entries     []entryJSON       `json:"entries,omitempty"`
}

type configJSON struct {
	Type string `json:"type"`
	Size uint64 `json:"size"`
	Root string `json:"root"`
}

type entryJSON struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"` // file, directory or symlink
	Size   uint64 `json:"size"`
	Mode   string `json:"mode,omitempty"`
	Link   string `json:"link,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Root   string `json:"root"`
}

func (p *program) show(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	files := c.Bool("files")
	if c.Bool("manifest") && (files || p.json) {
		return usage("--manifest writes bytes, and nothing beside them: leave out --files and --json")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		var entries []entryJSON
		var each func(dag.Descriptor) error
		if files {
			each = func(d dag.Descriptor) error {
				e, err := describe(d)
				entries = append(entries, e)
				return err
			}
		}
		d, err := showAt(c, n, r, each)
		if err != nil {
			return err
		}
		if c.Bool("manifest") {
			p.text(string(d.Block.Data))
			return nil
		}
		out := shown(d)
		out.Entries = entries
		p.result(out, "%s", strings.TrimRight(out.text(), "\n"))
		return nil
	})
}

// showAt shows what is, or with --at what was.
func showAt(c *cli.Context, n *node.Node, r dag.Reference, each func(dag.Descriptor) error) (node.Description, error) {
	if !c.IsSet("at") {
		return n.Show(c.Context, r, each)
	}
	if r.Repository == "" {
		return node.Description{}, usage("--at counts the events of a namespace: name the repository too, as in acme/app@%s", r.Digest)
	}
	return n.ShowAt(c.Context, r, c.Uint64("at"), each)
}

func describe(d dag.Descriptor) (entryJSON, error) {
	e := entryJSON{Kind: "file", Size: d.Size, Root: d.Root.String()}
	if sum := d.Digest("sha256"); sum != nil {
		e.SHA256 = fmt.Sprintf("%x", sum)
	}
	path, err := d.Path()
	if err != nil {
		return e, err
	}
	e.Path = path
	switch d.MediaType {
	case dag.TypeSymlink:
		e.Kind = "symlink"
		e.Link, err = d.LinkTarget()
		return e, err
	case dag.TypeDirectory:
		e.Kind = "directory"
	}
	mode, err := d.Mode()
	e.Mode = fmt.Sprintf("%04o", mode)
	return e, err
}

func shown(d node.Description) showJSON {
	a, m := d.Artifact, d.Manifest
	s := showJSON{
		Repository: a.Repository, Tags: append([]string{}, a.Tags...), Digest: a.Digest().String(), CID: a.Manifest.String(),
		Published: a.Published.UTC(), Type: m.ArtifactType, Files: d.Files, Bytes: d.Bytes, Annotations: m.Annotations,
	}
	if m.Config != nil {
		s.Config = &configJSON{Type: m.Config.MediaType, Size: m.Config.Size, Root: m.Config.Root.String()}
	}
	if m.OCI != nil {
		s.OCIDigest = fmt.Sprintf("sha256:%x", m.OCI.Digest("sha256"))
	}
	for _, r := range d.Referrers {
		s.Referrers = append(s.Referrers, shownReferrer(r))
	}
	return s
}

// text is what a person reads. What may hold anything is quoted where it is
// not plain, so that nothing in it reaches the terminal.
func (s showJSON) text() string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s%s\n", name, value)
		}
	}
	field("repository", s.Repository)
	field("tags", strings.Join(s.Tags, " "))
	field("digest", s.Digest)
	field("cid", s.CID)
	field("oci", s.OCIDigest)
	field("published", s.Published.Local().Format(time.DateTime))
	field("type", plain(s.Type))
	field("content", fmt.Sprintf("%s, %s", count(s.Files, "file"), size(s.Bytes)))
	if s.Config != nil {
		field("config", fmt.Sprintf("%s, %s", plain(s.Config.Type), size(s.Config.Size)))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
		field("annotation", plain(key)+"="+plain(s.Annotations[key]))
	}
	for _, r := range s.Referrers {
		field("referrer", r.text())
	}
	for _, e := range s.Entries {
		switch e.Kind {
		case "symlink":
			fmt.Fprintf(&b, "l---- %10s  %s -> %s\n", "", plain(e.Path), plain(e.Link))
		case "directory":
			fmt.Fprintf(&b, "d%s %10s  %s/\n", e.Mode, "", plain(e.Path))
		default:
			fmt.Fprintf(&b, "-%s %10s  %s\n", e.Mode, size(e.Size), plain(e.Path))
		}
	}
	return b.String()
}

// plain returns s as it is where all of it can be shown, else quoted.
func plain(s string) string {
	quoted := strconv.Quote(s)
	if strings.Trim(quoted, `"`) == s {
		return s
	}
	return quoted
}
