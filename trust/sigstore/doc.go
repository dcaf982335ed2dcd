// Package sigstore makes and verifies signatures in the formats of Sigstore, so
// that the stock cosign reads what is written here and the reverse: operator
// keys are cosign's encrypted PEM files, a signature over bytes is a bundle v0.3
// with a message signature, an attestation one with a DSSE envelope around an
// in-toto statement.
//
// Signatures are verified with keys alone. A bundle may carry transparency log
// entries and timestamps; they are parsed but prove nothing here, for the time
// and the order of things come from our own log. A bundle that is signed by a
// certificate is refused.
//
// Nothing in a bundle says which key is to be trusted. Its hint is what the
// signer wrote: every key given is tried, and the result names the one that
// verified.
package sigstore
