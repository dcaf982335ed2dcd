package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/node"
)

// referrerJSON is what refers to an artifact, as show prints it.
type referrerJSON struct {
	Digest     string          `json:"digest"`
	Type       string          `json:"type,omitempty"`
	Published  time.Time       `json:"published"`
	Signatures []signatureJSON `json:"signatures,omitempty"`
}

// signatureJSON is what one bundle says.
type signatureJSON struct {
	Referrer string `json:"referrer,omitempty"`
	Kind     string `json:"kind"` // signature, claim or attestation; unknown where no key verifies it
	Key      string `json:"key,omitempty"`
	Name     string `json:"name,omitempty"` // of the key
	Type     string `json:"type,omitempty"` // of the predicate of an attestation
	For      string `json:"for,omitempty"`  // the name that is claimed
	OK       bool   `json:"ok"`
	Why      string `json:"why,omitempty"` // it is not
}

func shownReferrer(r node.Referrer) referrerJSON {
	out := referrerJSON{Digest: r.Artifact.Digest().String(), Type: r.Artifact.ArtifactType, Published: r.Artifact.Published.UTC()}
	for _, s := range r.Signatures {
		row := shownSignature(s)
		row.Referrer = ""
		out.Signatures = append(out.Signatures, row)
	}
	return out
}

func shownSignatures(all []node.Signature) []signatureJSON {
	var out []signatureJSON
	for _, s := range all {
		out = append(out, shownSignature(s))
	}
	return out
}

func shownSignature(s node.Signature) signatureJSON {
	return signatureJSON{
		Referrer: s.Referrer.String(), Kind: s.Type.String(), Key: string(s.Key), Name: s.Name,
		Type: s.PredicateType, For: nameText(s.Repository, s.Tag), OK: s.Why == "", Why: s.Why,
	}
}

// text is a line for a person. What others wrote is quoted where it is not
// plain.
func (s signatureJSON) text() string {
	by := s.Name
	if by == "" && s.Key != "" {
		by = "the unregistered key " + s.Key
	}
	line := s.Kind
	if by != "" {
		line += " by " + plain(by)
	}
	switch {
	case s.Type != "" && s.For == "":
		line += " of " + plain(s.Type)
	case s.For != "":
		line += " for " + plain(s.For)
	}
	if !s.OK {
		line += ", which does not count: " + plain(s.Why)
	}
	return line
}

// text is a line for a person.
func (r referrerJSON) text() string {
	said := make([]string, 0, len(r.Signatures))
	for _, s := range r.Signatures {
		said = append(said, s.text())
	}
	line := fmt.Sprintf("%s %s %s", r.Digest, r.Published.Local().Format(time.DateTime), plain(r.Type))
	if len(said) > 0 {
		line += ": " + strings.Join(said, "; ")
	}
	return line
}
