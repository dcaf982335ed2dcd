package eventlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Checkpoint is the state of a log that its origin commits to (C2SP
// tlog-checkpoint).
type Checkpoint struct {
	Origin string // which log
	Size   uint64 // leaves
	Root   Hash   // of the tree
}

// strict is base64 in which bits that mean nothing must be zero: else a
// signature could be written in several ways.
var strict = base64.StdEncoding.Strict()

// text returns what is signed.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + strict.EncodeToString(c.Root[:]) + "\n"
}

// Sign returns the checkpoint as a note (C2SP signed-note) signed by each
// signer, in their order; the first is the log's (see [Signer]). No signer, or
// a checkpoint that [OpenCheckpoint] would refuse, is [fault.Invalid].
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	const op = "sign checkpoint"
	if len(signers) == 0 {
		return nil, fault.New(fault.Invalid, op, c.Origin, "there is no key to sign it")
	}
	if back, err := parseCheckpoint(op, c.text()); err != nil {
		return nil, err
	} else if back != c {
		return nil, fault.New(fault.Invalid, op, "", "%.300q cannot be an origin", c.Origin)
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, signers...)
	return signed, fault.Wrap(fault.Invalid, op, c.Origin, err)
}

// OpenCheckpoint reads a signed checkpoint of a log. The first verifier's
// signature must be there, and each that is there of any verifier must verify;
// signatures of others are passed over, as are extension lines. What is not
// well formed, or of another origin, is [fault.Invalid]; one over
// [MaxCheckpoint] is [fault.TooLarge]; and one that is not signed as it must be
// is [fault.Denied].
func OpenCheckpoint(signed []byte, origin string, verifiers ...note.Verifier) (Checkpoint, error) {
	const op = "read checkpoint"
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fault.New(fault.TooLarge, op, origin, "it is longer than %d bytes", MaxCheckpoint)
	}
	if len(verifiers) == 0 {
		return Checkpoint{}, fault.New(fault.Denied, op, origin, "there is no key to verify it with")
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	switch err := err.(type) {
	case nil:
	case *note.UnverifiedNoteError, *note.InvalidSignatureError:
		return Checkpoint{}, fault.Wrap(fault.Denied, op, origin, err)
	default:
		return Checkpoint{}, fault.Wrap(fault.Invalid, op, origin, err)
	}
	if !signedBy(n, verifiers[0]) {
		return Checkpoint{}, fault.New(fault.Denied, op, origin, "it is not signed by %s", verifiers[0].Name())
	}
	if err := checkSignatureLines(op, signed[len(n.Text)+1:]); err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint(op, n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != origin {
		return Checkpoint{}, fault.New(fault.Invalid, op, origin, "it is of the log %.300q", c.Origin)
	}
	return c, nil
}

func signedBy(n *note.Note, v note.Verifier) bool {
	for _, s := range n.Sigs {
		if s.Name == v.Name() && s.Hash == v.KeyHash() {
			return true
		}
	}
	return false
}

// checkSignatureLines refuses base64 in which a bit could be flipped unnoticed:
// that of notes is lenient.
func checkSignatureLines(op string, lines []byte) error {
	for line := range bytes.Lines(lines) {
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		if _, err := strict.DecodeString(text[strings.LastIndexByte(text, ' ')+1:]); err != nil {
			return fault.Wrap(fault.Invalid, op, "signature", err)
		}
	}
	return nil
}

// parseCheckpoint reads the text of a checkpoint.
func parseCheckpoint(op, text string) (Checkpoint, error) {
	bad := func(format string, args ...any) (Checkpoint, error) {
		return Checkpoint{}, fault.New(fault.Invalid, op, "", format, args...)
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return bad("it has not the three lines of origin, size and root")
	}
	for i, line := range lines[:len(lines)-1] {
		if line == "" {
			return bad("its line %d is empty", i+1)
		}
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] || size > MaxSize {
		return bad("%.100q is not a size up to %d", lines[1], uint64(MaxSize))
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return bad("the root: %w", err)
	}
	if size == 0 && root != emptyRoot {
		return bad("the root is not that of a tree of no leaves")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// parseHash reads a hash in base64.
func parseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != strict.EncodedLen(len(h)) {
		return h, fault.New(fault.Invalid, "parse hash", "", "%.100q is not base64 of %d bytes", s, len(h))
	}
	b, err := strict.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fault.New(fault.Invalid, "parse hash", "", "%q is not base64 of %d bytes", s, len(h))
	}
	return Hash(b), nil
}

// ed25519Type is the type of a signature by Ed25519 over a note's text (C2SP
// signed-note, "Signature types").
const ed25519Type = 0x01

// noteSigner signs notes by a name.
type noteSigner struct {
	name string
	hash uint32
	key  ed25519.PrivateKey
}

func (s noteSigner) Name() string                     { return s.name }
func (s noteSigner) KeyHash() uint32                  { return s.hash }
func (s noteSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

// Signer returns what signs the checkpoints of a log with a node's key: its
// name is the log's origin. An origin with a space or plus, and a key of
// another length, is [fault.Invalid].
func Signer(origin string, key ed25519.PrivateKey) (note.Signer, error) {
	const op = "make log signer"
	if len(key) != ed25519.PrivateKeySize {
		return nil, fault.New(fault.Invalid, op, origin, "a private key of %d bytes", len(key))
	}
	v, err := Verifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fault.Wrap(fault.Other, op, origin, err)
	}
	return noteSigner{name: origin, hash: v.KeyHash(), key: key}, nil
}

// Verifier returns what verifies the checkpoints of a log. Errors as [Signer].
func Verifier(origin string, pub ed25519.PublicKey) (note.Verifier, error) {
	v, err := note.NewVerifier(VerifierKey(origin, pub))
	return v, fault.Wrap(fault.Invalid, "make log verifier", origin, err)
}

// VerifierKey returns a log's verifier key as text, <origin>+<hash>+<base64>
// (C2SP signed-note), as other tools take it.
func VerifierKey(origin string, pub ed25519.PublicKey) string {
	key := append([]byte{ed25519Type}, pub...)
	sum := sha256.Sum256(append([]byte(origin+"\n"), key...))

	return origin + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(key)
}
