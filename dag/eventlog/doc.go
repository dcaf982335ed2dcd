// Package eventlog is the signed log: what an event is, how entries make a
// Merkle tree (RFC 6962, section 2.1, over SHA-256), and how the tree is kept
// as tiles, signed as checkpoints and proven, all as C2SP writes it
// (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof), so that others'
// verifiers, witnesses and mirrors read it as it is.
//
// A leaf is a small header that commits to a payload with a salt. Payload and
// salt travel beside the leaf: they can be erased, and every proof still holds.
//
// The package is pure: it has no clock, randomness, disk or network.
package eventlog

import "golang.org/x/mod/sumdb/tlog"

// Hash is a SHA-256: of a leaf, of a node, of a tree.
type Hash = tlog.Hash

// Limits on what is accepted from anyone. What is over one is
// [fault.TooLarge], but for MaxSize, beyond which it is [fault.Invalid].
const (
	// MaxLeaf is the longest leaf, in bytes: what an entry bundle's 16-bit
	// length can say.
	MaxLeaf = 64<<10 - 1
	// MaxPayload is the longest payload, in bytes.
	MaxPayload = 24 << 10
	// MaxSize is the largest tree, in leaves. It keeps the arithmetic on
	// indices, which are in 64 bits with sign, far from their end.
	MaxSize = 1 << 60
	// MaxCheckpoint is the longest signed checkpoint, in bytes. It has room for
	// the 16 post-quantum signatures that a reader of notes must take.
	MaxCheckpoint = 128 << 10
)

// saltLen is the length of a salt, in bytes.
const saltLen = 32
