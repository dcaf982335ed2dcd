package restore

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/tegwick/artifact-store/dag"
)

// goodBlobs remembers blobs that were found right, so that content which an
// artifact has many times is read once.
type goodBlobs struct {
	mu   sync.Mutex // guards seen
	seen map[string]struct{}
}

// maxGood bounds what is remembered, at about 200 bytes each.
const maxGood = 1 << 16

// blobKey tells descriptors apart by all that is checked of them.
func blobKey(d dag.Descriptor) string {
	key := fmt.Appendf(nil, "%s %d", d.Root.Bytes(), d.Size)
	for _, name := range slices.Sorted(maps.Keys(d.Digests)) {
		key = append(key, " "+name+" "+hex.EncodeToString(d.Digests[name])...)
	}
	return string(key)
}

func (g *goodBlobs) has(d dag.Descriptor) bool {
	if len(d.Seal) > 0 {
		return false
	}
	key := blobKey(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.seen[key]
	return ok
}

func (g *goodBlobs) add(d dag.Descriptor) {
	key := blobKey(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = make(map[string]struct{})
	}
	if len(g.seen) < maxGood {
		g.seen[key] = struct{}{}
	}
}
