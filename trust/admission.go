package trust

import (
	"time"

	"github.com/tegwick/artifact-store/dag"
)

// Policy is placed here until the document is read.
type Policy struct{}

// Subject is what asks to be admitted.
type Subject struct {
	Repository, Tag string
	Manifest        dag.CID
	ArtifactType    string
	SubjectOf       *dag.Digest
}

// Statement is a verified statement.
type Statement struct{}

// Admission is the leave to publish one thing under one name. Only this package
// makes one; the zero value covers nothing.
type Admission struct {
	made               bool
	repository, tag    string
	manifest           dag.CID
	epoch, revocations uint64
}

// Admit admits.
func (p *Policy) Admit(s Subject, _ []Statement, _ time.Time) (Admission, error) {
	return Admission{made: true, repository: s.Repository, tag: s.Tag, manifest: s.Manifest}, nil
}

// Covers reports whether it is for this.
func (a Admission) Covers(repository, tag string, manifest dag.CID) bool {
	return a.made && a.repository == repository && a.tag == tag && a.manifest == manifest
}

// Epoch is that of the policy.
func (a Admission) Epoch() uint64 { return a.epoch }

// Revocations is how long the node's log was with the last revocation.
func (a Admission) Revocations() uint64 { return a.revocations }
