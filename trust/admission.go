package trust

import "github.com/tegwick/artifact-store/dag"

// Admission is the leave to publish one artifact under one name. Only
// [Policy.Admit] makes one that covers anything; the zero Admission covers
// nothing.
type Admission struct {
	made               bool
	repository, tag    string
	manifest           dag.CID
	epoch, revocations uint64
}

// Covers reports whether a is for this artifact under this name, exactly; tag
// is empty where it is for none.
func (a Admission) Covers(repository, tag string, manifest dag.CID) bool {
	return a.made && a.repository == repository && a.tag == tag && a.manifest == manifest
}

// Epoch is that of the policy that gave leave; 0 where none was set.
func (a Admission) Epoch() uint64 { return a.epoch }

// Revocations is how long the node's log was with the last revocation that was
// known; 0 where none was.
func (a Admission) Revocations() uint64 { return a.revocations }
