package trust

// Limits on what is accepted from anyone. What is over one is
// [fault.TooLarge], and was not copied before.
const (
	// MaxEnvelope is the longest signed policy, in bytes: what fits into one
	// event of a log.
	MaxEnvelope = 23 << 10
	// MaxDocument is the longest policy as people write it, in bytes.
	MaxDocument = 64 << 10
	// MaxKeys is the most keys of a policy.
	MaxKeys = 128
	// MaxRules is the most rules of a policy, and the most attestations and
	// delegated prefixes of a rule.
	MaxRules = 256
	// MaxRevoked is the most keys that a policy revokes, and the most
	// namespaces that are listed for one.
	MaxRevoked = 256
	// MaxStatements is the most statements that are weighed for one artifact.
	MaxStatements = 4096

	maxPEM       = 4 << 10 // of a public key
	maxSignature = 512     // of one signature
	maxType      = 512     // of a predicate type
	maxNesting   = 16      // of the JSON of a policy
)
