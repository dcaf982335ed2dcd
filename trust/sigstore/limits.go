package sigstore

// Sizes in bytes and counts beyond which input is refused as
// [fault.TooLarge], before it is decoded.
const (
	MaxBundle    = 16 << 20 // a bundle, which has its statement in base64
	MaxStatement = 8 << 20  // an in-toto statement
	MaxSubjects  = 4096     // subjects of a statement

	maxKeyFile = 64 << 10 // a key in PEM
	maxName    = 4096     // a subject's name, a predicate's type

	maxBundleTokens    = 4096 // brackets, names and values; a bundle with a log entry has some 150
	maxBundleDepth     = 16
	maxStatementTokens = 1 << 20
	maxStatementDepth  = 64
)
