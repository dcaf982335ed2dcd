package trust

import "strings"

// Verdict is what a policy makes of a subject.
type Verdict struct {
	Allowed  bool   // every outcome is OK
	Epoch    uint64 // of the policy; 0 where none is set
	Outcomes []Outcome
}

// Outcome is what one rule came to.
type Outcome struct {
	Rule string // what was asked, as in "publish in acme/prod"
	OK   bool
	Why  string // who counted, and who did not and for which reason
}

// failures returns the outcomes that are not OK, on one line.
func (v Verdict) failures() string {
	var failed []string
	for _, o := range v.Outcomes {
		if !o.OK {
			failed = append(failed, o.Rule+": "+o.Why)
		}
	}
	return strings.Join(failed, "; ")
}
