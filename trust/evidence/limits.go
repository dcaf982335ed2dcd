package evidence

// Limits on a package. Content is hashed as it passes and has none but that on
// the number of blobs; everything else is held in memory while it is verified.
// What is over one of them is [fault.TooLarge].
const (
	// MaxHeld bounds the members that are not content, together: the pages of
	// about a million layers.
	MaxHeld = 256 << 20
	// MaxMember bounds one of them: a manifest, a page, an entry, a bundle.
	MaxMember = 16 << 20
	// MaxLarge bounds the two that may be larger: the leaves of the node's log, of
	// which it takes several hundred thousand, and evidence.json.
	MaxLarge = 64 << 20
	// MaxMembers bounds the number of members, blobs included.
	MaxMembers = 1 << 20
	// MaxReferrers bounds the signatures and attestations.
	MaxReferrers = 4096
	// MaxBundles bounds the bundles of one referrer.
	MaxBundles = 64
)
