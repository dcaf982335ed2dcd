package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) evidenceCommand() *cli.Command {
	return &cli.Command{
		Name:  "evidence",
		Usage: "prove an artifact to whoever has but a root key",
		Description: `artifact evidence root -o root.pub
artifact evidence export acme/app:v1 -o v1.tar
artifact evidence verify v1.tar --root root.pub     anywhere, without a store`,
		Action: func(*cli.Context) error { return usage("evidence what? See artifact evidence --help") },
		Subcommands: []*cli.Command{
			p.evidenceExportCommand(), p.evidenceVerifyCommand(), p.evidenceRootCommand(),
		},
	}
}

func (p *program) evidenceExportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write all that proves an artifact into one file",
		ArgsUsage: "REF",
		Description: `Writes the artifact as an OCI image layout, with its manifest, its signatures and
attestations, the proofs that the logs have them, the signed checkpoints, and the policies.
The same logs give the same bytes.

artifact evidence export acme/app:v1 -o v1.tar
artifact evidence export acme/app:v1 -o v1.tar --without-content

The fields of --json: ref, digest, file, content, bytes.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`"},
			&cli.BoolFlag{Name: "without-content", Usage: "leave the content out: who has it can still compare its digests"},
		},
		Action:       p.evidenceExport,
		BashComplete: p.completeReferences,
	}
}

type exportedJSON struct {
	Ref     string `json:"ref"`
	Digest  string `json:"digest"`
	File    string `json:"file"`
	Content bool   `json:"content"`
	Bytes   uint64 `json:"bytes"`
}

func (p *program) evidenceExport(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	to := c.String("output")
	if to == "" {
		return usage("write it where? Name a file with -o")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		var report node.EvidenceReport
		err := streamFile(to, func(w io.Writer) (err error) {
			report, err = n.ExportEvidence(c.Context, w, r, c.Bool("without-content"))
			return err
		})
		if err != nil {
			return err
		}
		digest := report.Manifest.Digest.String()
		p.result(exportedJSON{r.String(), digest, to, report.Content, report.Bytes}, "%s", to)
		p.say("evidence of %s, %s of content", r, size(report.Bytes))
		return nil
	})
}

// streamFile writes a file that is whole, or not there.
func streamFile(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".artifact-")
	if err != nil {
		return fault.Wrap(fault.Other, "write", path, err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = fill(w)
	if err == nil {
		err = errors.Join(w.Flush(), f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (p *program) evidenceVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "verify a package by a root key alone",
		ArgsUsage: "FILE",
		Description: `Verifies every byte of a package: that the root stands for the policies, the policies for
the keys and logs, the logs for the publication and its signatures, and the manifest for the
content. It needs no store and no network. The exit code is 4 where a byte is not what it
was, which is named, and 5 where the root does not stand for it.

artifact evidence verify v1.tar --root root.pub

A root is a public key in PEM: of a root of the policy, or of the node (artifact evidence root).

The fields of --json: ref, digest, content, bytes, logs, published, signers, epoch, problems.`,
		Flags:  []cli.Flag{&cli.StringSliceFlag{Name: "root", Usage: "a root's public key `FILE`; may be repeated"}},
		Action: p.evidenceVerify,
	}
}

type evidenceJSON struct {
	Ref       string         `json:"ref"`
	Digest    string         `json:"digest"`
	Content   bool           `json:"content"`
	Bytes     uint64         `json:"bytes"`
	Logs      []provenLog    `json:"logs"`
	Published *time.Time     `json:"published,omitempty"`
	Signers   []provenSigner `json:"signers"`
	Epoch     uint64         `json:"epoch"`
	Problems  []string       `json:"problems"`
}

type provenLog struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
}

type provenSigner struct {
	Key       string `json:"key"`
	Name      string `json:"name,omitempty"`
	Type      string `json:"type"`
	Predicate string `json:"predicate,omitempty"`
	For       string `json:"for,omitempty"`
	Why       string `json:"why,omitempty"` // it counts for nothing
}

func (p *program) evidenceVerify(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage("evidence verify takes one file")
	}
	if len(c.StringSlice("root")) == 0 {
		return usage("by which root? Name its public key with --root")
	}
	var roots [][]byte
	for _, path := range c.StringSlice("root") {
		text, err := os.ReadFile(path)
		if err != nil {
			return missing("read", path, err)
		}
		roots = append(roots, text)
	}
	path := c.Args().First()
	f, err := os.Open(path)
	if err != nil {
		return missing("read", path, err)
	}
	defer f.Close()
	report, err := node.VerifyEvidence(c.Context, bufio.NewReaderSize(f, 1<<20), roots, time.Now())
	p.proven(path, report, err)
	return err
}

// proven prints what a package proves, or what is wrong with it.
func (p *program) proven(path string, r node.EvidenceReport, failed error) {
	out := evidenceJSON{
		Ref: r.Reference.String(), Digest: r.Manifest.Digest.String(), Content: r.Content, Bytes: r.Bytes, Epoch: r.Epoch,
		Logs: []provenLog{}, Signers: []provenSigner{}, Problems: []string{},
	}
	for _, problem := range r.Problems {
		out.Problems = append(out.Problems, problem.String())
		p.say("%s", problem)
	}
	for _, l := range r.Logs {
		out.Logs = append(out.Logs, provenLog{l.Origin, l.Size})
	}
	if failed == nil {
		out.Published = &r.Publication.Time
	}
	text := fmt.Sprintf("%s proves %s\n%s", path, r.Reference, out.Digest)
	if failed == nil {
		text += fmt.Sprintf("\npublished %s, event %d", r.Publication.Time.UTC().Format(time.RFC3339), r.Publication.Index)
	}
	for _, l := range out.Logs {
		text += fmt.Sprintf("\nin %s, of %d events", l.Origin, l.Size)
	}
	for _, s := range r.Signers {
		st := s.Statement
		signer := provenSigner{string(st.Key), s.Name, st.Type.String(), st.PredicateType, nameText(st.Repository, st.Tag), s.Why}
		out.Signers = append(out.Signers, signer)
		text += fmt.Sprintf("\n%s by %s", signer.Type, signer.Name)
		if signer.For != "" {
			text += " for " + signer.For
		}
		if s.Why != "" {
			text += ", which counts for nothing: " + s.Why
		}
	}
	if p.json || failed == nil {
		p.result(out, "%s", text)
	}
}

func (p *program) evidenceRootCommand() *cli.Command {
	return &cli.Command{
		Name:  "root",
		Usage: "write the node's own public key",
		Description: `Writes the public key that signs the checkpoints of this node's logs. Where no policy is
set it is the root of what the node exports.

artifact evidence root -o root.pub`,
		Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", Value: "-"}},
		Action: p.evidenceRoot,
	}
}

func (p *program) evidenceRoot(c *cli.Context) error {
	if c.Args().Present() {
		return usage("evidence root takes no arguments")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		text, err := n.PublicKey()
		if err != nil {
			return err
		}
		return p.deliver(c.String("output"), text)
	})
}
