// Package trust decides who may say what: it knows keys, reads policies, counts
// who vouched for an artifact, and gives the leave without which a store
// publishes nothing ([Admission]).
//
// A policy is a document that its roots sign. Policies follow each other as
// TUF's root metadata does (The Update Framework 1.0.32, section 5.3): each is
// signed by the roots of the one before and by its own. What a policy does not
// allow is denied, and what is denied is explained rule by rule.
//
// The package has no clock, disk or network. Signatures on artifacts come to it
// verified, as a [Statement]; those on policies it verifies itself.
package trust
