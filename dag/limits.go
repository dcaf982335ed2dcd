package dag

// Limits on what is accepted from anyone. Whatever is over one of them is
// refused as [fault.TooLarge] before memory is spent on it.
const (
	// MaxNode is the largest dag-cbor block.
	MaxNode = 1 << 20
	// MaxRaw is the largest raw block: an OCI manifest of the size that
	// registries accept. Chunks are far smaller.
	MaxRaw = 4 << 20
	// MaxFanout is the largest number of parts of one index block.
	MaxFanout = 1024
	// MaxBlobDepth is the deepest tree of index blocks: at full fan-out of
	// minimum-size chunks it holds more than 2^63 bytes.
	MaxBlobDepth = 6
	// MaxPageDepth is the deepest tree of layer pages.
	MaxPageDepth = 4
	// MaxPath is the longest path of a layer, in bytes.
	MaxPath = 4096
	// MaxOCIManifest is the largest OCI manifest that is derived for an
	// artifact: what the distribution specification asks registries to take.
	MaxOCIManifest = 4 << 20
)
