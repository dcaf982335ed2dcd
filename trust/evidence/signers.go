package evidence

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

// judge verifies the bundles with the keys that the policies and the node's
// log know, and asks the policies what they make of them.
//
// A bundle that does not verify counts for nothing, and is no problem of the
// package: the log proves that it was attached as it is.
func (v *verification) judge(context.Context) {
	keys := v.keys.all()
	var have []trust.Statement
	for _, r := range v.referrers {
		for n, bundle := range r.bundles {
			s := Signer{Referrer: r.block.CID.Digest, Bundle: n}
			var err error
			if s.Statement, err = v.statement(bundle, r.event, keys); err != nil {
				s.Why = err.Error()
			} else {
				s.Name = v.keys.names[s.Statement.Key]
				have = append(have, s.Statement)
			}
			v.report.Signers = append(v.report.Signers, s)
		}
	}
	v.verdicts(have)
}

// statement verifies a bundle that was attached by e.
func (v *verification) statement(bundle []byte, e located, keys []trust.Key) (trust.Statement, error) {
	s, err := ReadStatement(bundle, v.block, keys...)
	s.Logged, s.Namespace, s.Index, s.Time = true, v.reference.Namespace(), e.index, e.at()
	return s, err
}

// ReadStatement verifies a bundle about an artifact with keys, and returns what
// it states for a policy to weigh, as not logged. Errors are those of
// [sigstore.VerifyBundle], and [fault.Invalid] for a claim that is none.
func ReadStatement(bundle []byte, manifest dag.Block, keys ...trust.Key) (trust.Statement, error) {
	found, err := sigstore.VerifyBundle(bundle, manifest.Data, keys...)
	if err != nil {
		return trust.Statement{}, err
	}
	s := trust.Statement{Type: trust.Signature, Key: found.Key, Digest: manifest.CID.Digest}
	if found.Statement == nil {
		return s, nil
	}
	s.Type, s.PredicateType = trust.Attestation, found.Statement.PredicateType
	if s.PredicateType == trust.ClaimType {
		s.Type = trust.Claim
		s.Repository, s.Tag, err = readClaim(found.Statement.Predicate)
	}
	return s, err
}

// readClaim reads the name that a claim is for.
func readClaim(predicate []byte) (repository, tag string, err error) {
	const op = "read claim"
	var all map[string]json.RawMessage // a struct would take members in any case
	var namespace string
	if err := json.Unmarshal(predicate, &all); err != nil {
		return "", "", fault.Wrap(fault.Invalid, op, "", err)
	}
	for name, into := range map[string]*string{"namespace": &namespace, "repository": &repository, "tag": &tag} {
		if text, ok := all[name]; ok && json.Unmarshal(text, into) != nil {
			return "", "", fault.New(fault.Invalid, op, "", "its %s is not a string", name)
		}
	}
	if err := dag.ValidateRepository(repository); err != nil {
		return "", "", fault.Wrap(fault.Invalid, op, "", err)
	}
	if r := (dag.Reference{Repository: repository}); r.Namespace() != namespace {
		return "", "", fault.New(fault.Invalid, op, repository, "it claims the namespace %.100q", namespace)
	}
	return repository, tag, nil
}

// verdicts asks the policy that was in force when the artifact was published,
// at that time; the same for its tag; and the newest, now. Of a key that was
// revoked since, all count only what was logged before; what the first two
// then do not allow is denied. That the newest does not is no problem of the
// package: its rules may be others, and it may have expired.
func (v *verification) verdicts(have []trust.Statement) {
	r := &v.report
	r.Epoch = v.newest().Epoch()
	r.Published = v.verdict(v.policyAt(v.publication.at()), v.publication.Payload.Tag, have, v.publication.at())
	v.deny(v.publication, r.Published)
	r.Tagged = r.Published
	if v.tag != nil && v.tag.index != v.publication.index {
		r.Tagged = v.verdict(v.policyAt(v.tag.at()), v.reference.Tag, have, v.tag.at())
		v.deny(*v.tag, r.Tagged)
	}
	r.Current = v.verdict(v.newest(), v.reference.Tag, have, v.now)
}

// verdict asks a policy about the artifact under a tag.
func (v *verification) verdict(p *trust.Policy, tag string, have []trust.Statement, at time.Time) trust.Verdict {
	payload := v.publication.Payload
	s := trust.Subject{Repository: payload.Repository, Tag: tag, Manifest: v.block.CID, ArtifactType: payload.ArtifactType}
	if len(payload.Subject) > 0 {
		s.SubjectOf = (*dag.Digest)(payload.Subject)
	}
	return p.Revoked(v.revocations, v.revoked...).Check(s, have, at)
}

// deny notes where an event is one that the policy does not allow.
func (v *verification) deny(e located, verdict trust.Verdict) {
	if verdict.Allowed {
		return
	}
	why := ""
	for _, o := range verdict.Outcomes {
		if !o.OK {
			why += "; " + o.Rule + ": " + o.Why
		}
	}
	v.found.add(fault.Denied, numbered(dirNamespace, e.index, suffixEntry), "the policy of epoch %d does not allow this%s", verdict.Epoch, why)
}
