package dag

import (
	"hash"

	"github.com/zeebo/blake3"
)

// NewHash returns a streaming BLAKE3-256, whose sum is that of [Sum].
func NewHash() hash.Hash { return blake3.New() }
