package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) logVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "recompute logs from their entries, and check proofs",
		ArgsUsage: "[NAMESPACE...]",
		Description: `Computes leaves, commitments, tiles and roots from the entries alone, and verifies the
checkpoint with the node's key: of all logs, or of those named. Exit code 4 says that
something is not what it must be; what comes first is named.

artifact log verify
artifact log verify --exported DIR --key KEY       files that log export wrote; needs no store
artifact log verify --proof FILE --entry FILE --key KEY

With --json a line for each log: log, ok, size, root, erased, signed, seconds, reason.
For a proof: ok, log, size, index, time, kind, event (as artifact log prints it).`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "exported", Usage: "verify the log in `DIR`"},
			&cli.StringFlag{Name: "proof", Usage: "verify the proof in `FILE`"},
			&cli.StringFlag{Name: "entry", Usage: "the `FILE` with the entry that the proof is of"},
			&cli.StringFlag{Name: "key", Usage: "the log's `VERIFIER KEY`, as artifact log ls prints it"},
		},
		Action:       p.logVerify,
		BashComplete: p.completeNamespaces,
	}
}

type logVerifyJSON struct {
	Log     string  `json:"log"`
	OK      bool    `json:"ok"`
	Size    uint64  `json:"size"`
	Root    string  `json:"root"`
	Erased  uint64  `json:"erased"`
	Signed  bool    `json:"signed"`
	Seconds float64 `json:"seconds"`
	Reason  string  `json:"reason,omitempty"`
}

func (p *program) logVerify(c *cli.Context) error {
	exported, proof, key := c.String("exported"), c.String("proof"), c.String("key")
	switch {
	case exported != "" && proof != "":
		return usage("verify one thing at a time: --exported or --proof")
	case (exported != "" || proof != "") && c.Args().Present():
		return usage("a namespace is of the store: leave out %s", c.Args().First())
	case (exported != "" || proof != "") && key == "":
		return usage("whose log is it? Name its verifier key with --key; artifact log ls prints it")
	case proof != "":
		return p.verifyProof(proof, c.String("entry"), key)
	case c.IsSet("entry") || exported == "" && key != "":
		return usage("--entry goes with --proof, and --key with --proof or --exported")
	case exported != "":
		return p.verified(exported, func() (node.LogReport, error) {
			return node.VerifyExported(c.Context, exported, key, p.bar.entriesDone)
		})
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		names, err := namedLogs(c.Context, n, c.Args().Slice())
		if err != nil {
			return err
		}
		var failed error
		for _, name := range names {
			err := p.verified(name, func() (node.LogReport, error) { return n.VerifyLog(c.Context, name, p.bar.entriesDone) })
			if err != nil && !fault.Is(err, fault.Corrupt) {
				return errors.Join(failed, err)
			}
			failed = errors.Join(failed, err)
		}
		return failed
	})
}

// namedLogs are those of the given namespaces, or all; "" is the node's.
func namedLogs(ctx context.Context, n *node.Node, given []string) ([]string, error) {
	if len(given) > 0 {
		return given, nil
	}
	logs, err := n.Logs(ctx)
	var names []string
	for _, l := range logs {
		names = append(names, l.Namespace)
	}
	return names, err
}

// verified shows what a verification found.
func (p *program) verified(what string, verify func() (node.LogReport, error)) error {
	began := time.Now()
	r, err := verify()
	out := logVerifyJSON{
		Log: r.Origin, OK: err == nil, Size: r.Size, Root: r.Root.String(), Erased: r.Erased, Signed: r.Signed, Seconds: seconds(time.Since(began)),
	}
	if out.Log == "" {
		out.Log = what
	}
	switch {
	case err != nil && !fault.Is(err, fault.Corrupt):
		return err
	case err != nil:
		out.Reason = err.Error()
		p.result(out, "damaged %s: %s", out.Log, count(int64(r.Size), "event"))
		return err
	}
	text := fmt.Sprintf("ok %s: %s, root %s", out.Log, count(int64(r.Size), "event"), out.Root)
	if r.Erased > 0 {
		text += fmt.Sprintf(", %d erased", r.Erased)
	}
	if !r.Signed {
		text += "; the signature was not checked: the node's key is missing"
	}
	p.result(out, "%s", text)
	return nil
}

type provedJSON struct {
	Log   string    `json:"log"`
	Size  uint64    `json:"size"`
	Index uint64    `json:"index"`
	Time  time.Time `json:"time"`
	Kind  string    `json:"kind"`
}

func proved(proof node.Proof, origin string, size uint64) provedJSON {
	return provedJSON{Log: origin, Size: size, Index: proof.Index, Time: proof.Logged.At(), Kind: string(proof.Logged.Kind)}
}

type proofVerifiedJSON struct {
	OK bool `json:"ok"`
	provedJSON
	Event eventJSON `json:"event"`
}

func (p *program) verifyProof(proofFile, entryFile, key string) error {
	if entryFile == "" {
		return usage("a proof is of an entry: name its file with --entry")
	}
	proof, err := readSmall(proofFile)
	if err != nil {
		return err
	}
	entry, err := readSmall(entryFile)
	if err != nil {
		return err
	}
	got, head, err := node.VerifyProof(proof, entry, key)
	if err != nil {
		return err
	}
	e := describeEvent(head.Origin, got.Logged)
	p.result(proofVerifiedJSON{OK: true, provedJSON: proved(got, head.Origin, head.Size), Event: e},
		"ok event %d of the first %d of %s: %s %s", got.Index, head.Size, head.Origin, e.Kind, e.what())
	return nil
}

// readSmall reads a file that is no longer than a proof can be.
func readSmall(path string) ([]byte, error) {
	const most = 1 << 20
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, "read", path, err)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Other, "read", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(data) > most {
		err = fault.New(fault.TooLarge, "read", path, "it is longer than %s", size(most))
	}
	return data, fault.Wrap(fault.Other, "read", path, err)
}

// entriesDone tells the bar of entries.
func (b *bar) entriesDone(done, total uint64) {
	b.show(int64(done), int64(total), func(n int64) string { return count(n, "event") })
}
