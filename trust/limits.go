package trust

// Limits on what is accepted from anyone. What is over one is
// [fault.TooLarge].
const (
	// MaxEnvelope is the longest signed policy, in bytes: what fits into one
	// event of a log.
	MaxEnvelope = 23 << 10
	// MaxDocument is the longest policy as people write it, in bytes.
	MaxDocument = 64 << 10
	// MaxKeys is the most keys of a policy.
	MaxKeys = 64
	// MaxRules is the most rules of a policy, attestations of a rule, prefixes
	// that it delegates, and logs.
	MaxRules = 128
	// MaxRevoked is the most keys that a policy revokes, and the most
	// namespaces that are listed for one.
	MaxRevoked = 128

	maxPEM     = 4 << 10   // of a public key
	maxText    = 512       // of a name or a predicate type
	maxNesting = 16        // of the JSON of a policy
	maxNumber  = 1<<53 - 1 // what every reader of JSON reads exactly (RFC 8259, section 6)
)
