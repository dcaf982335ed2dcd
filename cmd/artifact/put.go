package main

import (
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
)

func (p *program) putCommand() *cli.Command {
	return &cli.Command{
		Name:      "put",
		Usage:     "keep files, directories or standard input as an artifact",
		ArgsUsage: "PATH...",
		Description: `Prints the artifact's digest. The same content gives the same digest on every
machine. Nothing is visible before all of it is durable. The store is made if
there is none yet.

artifact put build/ --as acme/app:v1
artifact put report.pdf data.csv --as acme/report --type application/vnd.acme.report
pg_dump db | artifact put - --name db.sql --as acme/backup:monday

The fields of --json: ref, digest, oci_digest, files, symlinks, directories, bytes, new_bytes,
chunks, new_chunks, seconds, and skipped: a list of {path, reason}.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "as", Usage: "the name, `REPO[:TAG]`; without it " + node.Unnamed},
			&cli.StringFlag{Name: "name", Usage: "the file `NAME` of standard input", DefaultText: "stdin"},
			&cli.StringFlag{Name: "type", Usage: "the artifact's media `TYPE`"},
			&cli.StringSliceFlag{Name: "annotation", Usage: "a `KEY=VALUE` about the whole; repeatable"},
			&cli.StringFlag{Name: "config", Usage: "a `FILE` of typed metadata"},
			&cli.StringFlag{Name: "config-type", Usage: "the media `TYPE` of the metadata"},
			&cli.StringFlag{Name: "profile", Usage: "how content is cut: `default|fine`; fine suits source trees"},
			&cli.StringFlag{Name: "compress", Usage: "how it is stored: `none|s2|zstd`"},
			&cli.BoolFlag{Name: "blake3", Usage: "add the BLAKE3 of each whole file"},
			&cli.StringFlag{Name: "key", Usage: "sign it with `KEY`, a name or a file, for the name that it gets"},
			passphraseFlag(),
			&cli.BoolFlag{Name: "without-sha256", Usage: "leave out SHA-256: faster, and without an OCI manifest"},
		},
		Action: p.put,
	}
}

// put's result.
type putJSON struct {
	Ref         string     `json:"ref"`
	Digest      string     `json:"digest"`
	OCIDigest   string     `json:"oci_digest,omitempty"`
	Files       int64      `json:"files"`
	Symlinks    int64      `json:"symlinks"`
	Directories int64      `json:"directories"`
	Bytes       int64      `json:"bytes"`
	NewBytes    int64      `json:"new_bytes"`
	Chunks      int64      `json:"chunks"`
	NewChunks   int64      `json:"new_chunks"`
	Seconds     float64    `json:"seconds"`
	Skipped     []skipJSON `json:"skipped,omitempty"`
}

type skipJSON struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func (p *program) put(c *cli.Context) error {
	req, err := p.putRequest(c)
	if err != nil {
		return err
	}
	var passphrase []byte
	if c.String("key") != "" {
		if passphrase, err = p.passphrase(c, "the key "+c.String("key"), false); err != nil {
			return err
		}
	}
	adjust := func(cfg *node.Config) { cfg.Create, cfg.Compression = true, c.String("compress") }
	return p.with(c, adjust, func(c *cli.Context, n *node.Node) error {
		if name := c.String("key"); name != "" {
			key, err := n.OpenKey(c.Context, name, passphrase)
			if err != nil {
				return err
			}
			req.Key = &key
		}
		res, err := n.Put(c.Context, req)
		if err != nil {
			return err
		}
		p.showPut(res)
		return nil
	})
}

func (p *program) putRequest(c *cli.Context) (node.PutRequest, error) {
	req := node.PutRequest{
		Profile: c.String("profile"),
		Content: ingest.Request{
			Paths: c.Args().Slice(), Stdin: p.stdin, StdinName: c.String("name"),
			ArtifactType: c.String("type"), ConfigType: c.String("config-type"),
			WithoutSHA256: c.Bool("without-sha256"), WholeBLAKE3: c.Bool("blake3"),
			Progress: func(e ingest.Event) { p.bar.bytesDone(e.Bytes, e.TotalBytes) },
		},
	}
	if c.NArg() == 0 {
		return req, usage("put what? Name files, directories, or - for standard input")
	}
	var err error
	if req.Repository, req.Tag, err = parseName(c.String("as")); err != nil {
		return req, err
	}
	if req.Content.Annotations, err = annotations(c.StringSlice("annotation")); err != nil {
		return req, err
	}
	if path := c.String("config"); path != "" {
		if req.Content.ConfigType == "" {
			return req, usage("--config needs --config-type: the media type says what it is")
		}
		req.Content.Config, err = readConfig(path)
	}
	return req, err
}

// maxConfig is above what any artifact may have, which the ingest checks.
const maxConfig = 16 << 20

func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxConfig))
}

// parseName reads REPO or REPO:TAG.
func parseName(s string) (repository, tag string, err error) {
	if s == "" {
		return "", "", nil
	}
	repository, tag, tagged := strings.Cut(s, ":")
	err = dag.ValidateRepository(repository)
	if err == nil && tagged {
		err = dag.ValidateTag(tag)
	}
	if err != nil {
		return "", "", usageError{err}
	}
	return repository, tag, nil
}

func annotations(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usage("--annotation %q is not KEY=VALUE", pair)
		}
		m[key] = value
	}
	return m, nil
}

func (p *program) showPut(r node.PutResult) {
	out := putJSON{
		Ref: r.Reference.String(), Digest: r.Artifact.Digest().String(), OCIDigest: r.OCIDigest,
		Files: r.Files, Symlinks: r.Symlinks, Directories: r.Directories, Bytes: r.Bytes, NewBytes: r.NewBytes,
		Chunks: r.Chunks, NewChunks: r.NewChunks, Seconds: seconds(r.Elapsed),
	}
	for _, s := range r.Skipped {
		out.Skipped = append(out.Skipped, skipJSON(s))
		p.say("skipped %s: %s", s.Path, s.Reason)
	}
	p.result(out, "%s", out.Digest)
	p.say("put %s: %s, %s; %s new (%s); %.1f s, %s", out.Ref, count(r.Files, "file"), size(r.Bytes),
		size(r.NewBytes), percent(r.NewBytes, r.Bytes), r.Elapsed.Seconds(), rate(r.Bytes, r.Elapsed))
}
