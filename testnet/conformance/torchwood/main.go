// Command torchwood reads logs with the library of that name, and nothing of
// this project's: checkpoints, entries with the tiles over them, inclusion
// proofs, cosignatures. It is a module of its own, to keep what it requires out
// of the product's.
//
//	torchwood -origin ORIGIN -key VKEY read DIR|URL       prints the entries' data, a line of hex each
//	torchwood -origin ORIGIN -key VKEY prove DIR|URL N    prints a tlog-proof of entry N
//	torchwood -origin ORIGIN -key VKEY verify HASH        checks a tlog-proof of a leaf hash, hex, on standard input
//	torchwood -origin ORIGIN -key VKEY checkpoint         checks a checkpoint on standard input
//
// With -witness VKEY the checkpoint must be cosigned too. The exit code is 0
// where everything is as it should be.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	origin := flag.String("origin", "", "the log's origin")
	key := flag.String("key", "", "the log's verifier key")
	witness := flag.String("witness", "", "the verifier key of a witness that must have cosigned")
	flag.Parse()
	policy, err := policyOf(*origin, *key, *witness)
	if err == nil {
		err = run(context.Background(), policy, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torchwood:", err)
		os.Exit(1)
	}
}

// policyOf asks for the signatures of a log under its origin and of a witness.
func policyOf(origin, key, witness string) (torchwood.Policy, error) {
	log, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("the log's key: %w", err)
	}
	asks := []torchwood.Policy{torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(log)}
	if witness != "" {
		w, err := torchwood.NewCosignatureVerifier(witness)
		if err != nil {
			return nil, fmt.Errorf("the witness's key: %w", err)
		}
		asks = append(asks, torchwood.SingleVerifierPolicy(w))
	}
	return torchwood.ThresholdPolicy(len(asks), asks...), nil
}

// run runs a command with its arguments.
func run(ctx context.Context, policy torchwood.Policy, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "read":
		return read(ctx, policy, args[1])
	case len(args) == 3 && args[0] == "prove":
		return prove(ctx, policy, args[1], args[2])
	case len(args) == 2 && args[0] == "verify":
		return verify(policy, args[1])
	case len(args) == 1 && args[0] == "checkpoint":
		signed, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		_, _, err = torchwood.VerifyCheckpoint(signed, policy)
		return err
	}
	return fmt.Errorf("%q is no command: read, prove, verify or checkpoint", args)
}

// open returns a reader of a log, in a directory or served, and its head.
func open(ctx context.Context, policy torchwood.Policy, at string) (torchwood.TileReader, torchwood.Checkpoint, []byte, error) {
	var reader torchwood.TileReader
	var err error
	if strings.Contains(at, "://") {
		reader, err = torchwood.NewTileFetcher(at)
	} else {
		reader, err = torchwood.NewTileFS(os.DirFS(at))
	}
	if err != nil {
		return nil, torchwood.Checkpoint{}, nil, err
	}
	signed, err := reader.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return nil, torchwood.Checkpoint{}, nil, err
	}
	head, _, err := torchwood.VerifyCheckpoint(signed, policy)
	return reader, head, signed, err
}

// read prints all entries, each of which the client holds against the tiles,
// and the tiles against the checkpoint.
func read(ctx context.Context, policy torchwood.Policy, at string) error {
	reader, head, _, err := open(ctx, policy, at)
	if err != nil {
		return err
	}
	client, err := torchwood.NewClient(reader)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for _, entry := range client.AllEntries(ctx, head.Tree, 0) {
		fmt.Fprintf(out, "%x\n", entry)
	}
	if err := client.Err(); err != nil {
		return err
	}
	return out.Flush()
}

// prove prints a proof of an entry.
func prove(ctx context.Context, policy torchwood.Policy, at, number string) error {
	index, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return err
	}
	reader, head, signed, err := open(ctx, policy, at)
	if err != nil {
		return err
	}
	client, err := torchwood.NewClient(reader)
	if err != nil {
		return err
	}
	_, record, err := client.Entry(ctx, head.Tree, index)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(torchwood.FormatProof(index, record, signed))
	return err
}

// verify checks a proof of a leaf.
func verify(policy torchwood.Policy, leaf string) error {
	proof, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	hash, err := hex.DecodeString(leaf)
	if err != nil || len(hash) != tlog.HashSize {
		return fmt.Errorf("%q is no leaf hash", leaf)
	}
	return torchwood.VerifyProof(policy, tlog.Hash(hash), proof)
}
