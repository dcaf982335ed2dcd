// Package trust decides who may say what: keys, policies, and the verdicts that
// they come to. It has no clock and no disk: what it needs is passed in.
package trust
