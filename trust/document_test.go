package trust_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// TestPolicyIsRead reads a policy as people write it.
func TestPolicyIsRead(t *testing.T) {
	c := newCast(t)
	p, err := trust.ParsePolicy(encode(t, c.document(t)))
	must(t, err)
	if p.Epoch() != 1 || !p.Expires().Equal(later) || p.Revocations() != 0 || len(p.Keys()) != 5 {
		t.Errorf("it is of epoch %d, expires at %s, and has %d keys", p.Epoch(), p.Expires(), len(p.Keys()))
	}
	if roots, threshold := p.Roots(); len(roots) != 1 || threshold != 1 || roots[0].ID != c.root.id() || roots[0].Name != "root" {
		t.Errorf("%d of %v are its roots", threshold, roots)
	}
	if p.Logs()["example.org/acme"] == "" {
		t.Errorf("its logs are %v", p.Logs())
	}
	for i, k := range p.Keys() {
		if i > 0 && p.Keys()[i-1].ID >= k.ID {
			t.Error("its keys are not in the order of their ids")
		}
	}
	if _, err := p.Admit(asks("acme/dev", "v1"), []trust.Statement{claim(c.ci, "acme/dev", "v1")}, now); !fault.Is(err, fault.Denied) {
		t.Errorf("a policy that nobody signed gave leave: %v", err)
	}
	_, err = p.Next(sign(t, with(c.document(t), object{"epoch": 2}), c.root))
	wantKind(t, err, fault.Conflict)
}

// TestNilPolicy answers for a node that has no policy.
func TestNilPolicy(t *testing.T) {
	var p *trust.Policy
	if roots, threshold := p.Roots(); roots != nil || threshold != 0 || p.Keys() != nil || p.Logs() != nil ||
		p.Epoch() != 0 || !p.Expires().IsZero() || p.Revocations() != 0 || p.Revoked(3, trust.Revocation{}) != nil {
		t.Error("no policy says something")
	}
	_, err := p.Next(nil)
	wantKind(t, err, fault.Conflict)
}

// TestOneForm asks that a policy has one signed form, however it was written.
func TestOneForm(t *testing.T) {
	c := newCast(t)
	text := encode(t, c.document(t))
	want := sign(t, c.document(t), c.root)
	var wide bytes.Buffer
	must(t, json.Indent(&wide, text, "\t", "   "))
	for name, variant := range map[string][]byte{
		"wide":           wide.Bytes(),
		"with escapes":   bytes.ReplaceAll(text, []byte("acme/"), []byte(`\u0061cme\/`)),
		"with empties":   bytes.Replace(text, []byte(`{"epoch"`), []byte(`{"revoked":[],"prefix":"","epoch"`), 1),
		"with CRLF keys": bytes.ReplaceAll(text, []byte(`\n`), []byte(`\r\n`)),
	} {
		if bytes.Equal(variant, text) {
			t.Fatalf("%s: nothing is different", name)
		}
		got, err := trust.Sign(variant, c.root)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: it is signed as\n%s, not\n%s (%v)", name, got, want, err)
		}
	}
}

// TestRefusedDocuments changes one thing of a good policy each.
func TestRefusedDocuments(t *testing.T) {
	c := newCast(t)
	good := c.document(t)
	rule := func(more object) object {
		return object{"rules": []object{with(object{"namespace": "acme", "publish": quorum(1, c.ci)}, more)}}
	}
	named := func(id trust.KeyID, more object) object {
		k := keys(c.root, c.ci, c.bob, c.lead, c.mate)
		k[string(id)] = with(k[string(c.ci.id())].(object), more)
		return object{"keys": k}
	}
	handed := func(prefixes ...string) object {
		prefixes = append([]string{}, prefixes...) // not null
		return rule(object{"delegate": with(quorum(1, c.lead), object{"prefixes": prefixes})})
	}
	attestation := func(types ...string) object {
		var list []object
		for _, a := range types {
			list = append(list, with(quorum(1, c.ci), object{"type": a}))
		}
		return rule(object{"attestations": list})
	}
	revoked := func(id trust.KeyID, from object) object {
		return object{"revoked": []object{{"key": id, "from": from}}}
	}
	verifier := good["logs"].(object)["example.org/acme"]
	for name, change := range map[string]object{
		"no version":                  {"version": nil},
		"a version of 0":              {"version": 0},
		"a newer version":             {"version": 2, "new": "member"},
		"no epoch":                    {"epoch": nil},
		"an epoch of 0":               {"epoch": 0},
		"a negative epoch":            {"epoch": -1},
		"an epoch with a fraction":    {"epoch": 1.5},
		"an epoch beyond 2^53":        {"epoch": uint64(1) << 53},
		"no expiry":                   {"expires": nil},
		"an expiry in a zone":         {"expires": "2027-01-01T00:00:00+01:00"},
		"an expiry with a fraction":   {"expires": "2027-01-01T00:00:00.5Z"},
		"an expiry that is no day":    {"expires": "2027-02-30T00:00:00Z"},
		"an expiry that is no text":   {"expires": 2027},
		"the zero time":               {"expires": "0001-01-01T00:00:00Z"},
		"no roots":                    {"roots": nil},
		"roots with threshold 0":      {"roots": quorum(0, c.root)},
		"roots below their threshold": {"roots": quorum(2, c.root)},
		"a root twice":                {"roots": quorum(2, c.root, c.root)},
		"an unknown root":             {"roots": quorum(1, c.eve)},
		"a root that ends":            with(named(c.ci.id(), object{"notAfter": expires}), object{"roots": quorum(1, c.ci)}),
		"a root that is revoked":      revoked(c.root.id(), object{}),
		"an unknown member":           {"more": 1},
		"an unknown member, empty":    {"more": ""},
		"a member in another case":    {"Logs": good["logs"], "logs": nil},
		"a rule's in another case":    rule(object{"Attestations": []object{with(quorum(1, c.ci), object{"type": "a:b"})}}),
		"a rule's unknown member":     rule(object{"allow": true}),
		"null":                        {"logs": json.RawMessage("null")},
		"a list for an object":        {"keys": []string{}},
		"a key of another id":         named(c.eve.id(), object{"name": "two"}),
		"an id in capitals":           named(trust.KeyID(strings.ToUpper(string(c.eve.id()))), object{"name": "two"}),
		"a key without a name":        named(c.ci.id(), object{"name": ""}),
		"a name with a line break":    named(c.ci.id(), object{"name": "a\nb"}),
		"a name between spaces":       named(c.ci.id(), object{"name": " ci"}),
		"a long name":                 named(c.ci.id(), object{"name": strings.Repeat("a", 513)}),
		"two keys of a name":          named(c.ci.id(), object{"name": "bob"}),
		"no PEM":                      named(c.ci.id(), object{"pem": "x"}),
		"a log of no origin":          {"logs": object{"acme": verifier}},
		"a log of no site":            {"logs": object{"A B/acme": verifier}},
		"a log of another's key":      {"logs": object{"example.org/other": verifier}},
		"a log without a key":         {"logs": object{"example.org/acme": "x"}},
		"a rule for nothing":          rule(object{"namespace": ""}),
		"a rule for a slash":          rule(object{"namespace": "acme/"}),
		"a rule for capitals":         rule(object{"namespace": "Acme"}),
		"a rule for a star":           rule(object{"namespace": "*"}),
		"two rules for a namespace":   {"rules": []object{{"namespace": "acme"}, {"namespace": "acme"}}},
		"publish by an unknown":       rule(object{"publish": quorum(1, c.eve)}),
		"publish by one twice":        rule(object{"publish": quorum(2, c.ci, c.ci)}),
		"publish by nobody":           rule(object{"publish": quorum(0)}),
		"publish below 0":             rule(object{"publish": quorum(-1, c.ci)}),
		"an attestation of no type":   attestation(""),
		"an attestation with a space": attestation("a b"),
		"an attestation twice":        attestation("a:b", "a:b"),
		"an attestation of a claim":   attestation(trust.ClaimType),
		"a delegation of nothing":     handed(),
		"a delegation of all":         handed("acme"),
		"a delegation of others":      handed("other/team"),
		"a delegation of a half":      handed("acme-team/x"),
		"a delegation of no path":     handed("acme//x"),
		"a delegation twice":          handed("acme/a", "acme/a"),
		"a delegation to unknown":     rule(object{"delegate": with(quorum(1, c.eve), object{"prefixes": []string{"acme/a"}})}),
		"a delegation to the revoked": with(handed("acme/a"), revoked(c.lead.id(), object{})),
		"a delegation and a rule":     {"rules": append([]object{{"namespace": "acme/team"}}, good["rules"].([]object)...)},
		"a revocation of no key":      revoked("ci", object{}),
		"a revocation twice":          {"revoked": []object{{"key": c.ci.id()}, {"key": c.ci.id()}}},
		"a revocation in a path":      revoked(c.ci.id(), object{"acme/prod": 3}),
		"a revocation in capitals":    revoked(c.ci.id(), object{"Acme": 3}),
		"a revocation from -1":        revoked(c.ci.id(), object{"acme": -1}),
		"a revocation beyond 2^53":    revoked(c.ci.id(), object{"acme": uint64(1) << 53}),
		"a prefix and roots":          {"prefix": "acme/team"},
		"a prefix and logs":           {"prefix": "acme/team", "roots": nil},
		"a prefix of no path":         {"prefix": "acme//", "roots": nil, "logs": nil, "rules": nil},
		"a rule beside the prefix":    {"prefix": "acme/team", "roots": nil, "logs": nil, "rules": []object{{"namespace": "acme/teams"}}},
		"a delegation of a delegation": {"prefix": "acme", "roots": nil, "logs": nil, "rules": []object{
			{"namespace": "acme", "delegate": with(quorum(1, c.lead), object{"prefixes": []string{"acme/a"}})}}},
	} {
		text := encode(t, with(good, change))
		if _, err := trust.Sign(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: Sign says %v", name, err)
		}
		if _, err := trust.ParsePolicy(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: ParsePolicy says %v", name, err)
		}
	}
	_, err := trust.ParsePolicy(encode(t, c.team(2, object{"namespace": "acme/team"})))
	wantKind(t, err, fault.Invalid)
}

// TestRefusedText is about what is no JSON, or says a thing twice.
func TestRefusedText(t *testing.T) {
	text := string(encode(t, newCast(t).document(t)))
	for name, bad := range map[string]string{
		"nothing":         "",
		"a half":          text[:len(text)/2],
		"two":             text + text,
		"something after": text + "x",
		"a member twice":  strings.Replace(text, `"epoch":1`, `"epoch":1,"epoch":1`, 1),
		"a deep member twice": strings.Replace(text, `"namespace":"acme/frozen"`,
			`"namespace":"acme/frozen","namespace":"acme/frozen"`, 1),
		"one in two cases": strings.Replace(text, `"epoch":1`, `"epoch":1,"Epoch":2`, 1),
		"no UTF-8":         strings.Replace(text, `"ci"`, "\"c\xff\"", 1),
		"depth":            `{"logs":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "}",
		"a number":         "1",
		"null":             "null",
	} {
		if _, err := trust.ParsePolicy([]byte(bad)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLimits goes over each limit.
func TestLimits(t *testing.T) {
	c := newCast(t)
	good := c.document(t)
	many := func(n int, one func(i int) (string, any)) object {
		all := object{}
		for i := range n {
			name, v := one(i)
			all[name] = v
		}
		return all
	}
	list := func(n int, one func(i int) object) (all []object) {
		for i := range n {
			all = append(all, one(i))
		}
		return all
	}
	attestations := list(trust.MaxRules+1, func(i int) object { return object{"type": fmt.Sprint("a:", i), "threshold": 1} })
	prefixes := make([]string, trust.MaxRules+1)
	for name, change := range map[string]object{
		"keys":         {"keys": many(trust.MaxKeys+1, func(i int) (string, any) { return fmt.Sprint(i), object{} })},
		"rules":        {"rules": list(trust.MaxRules+1, func(i int) object { return object{"namespace": fmt.Sprint("n", i)} })},
		"logs":         {"logs": many(trust.MaxRules+1, func(i int) (string, any) { return fmt.Sprint("a.b/", i), "" })},
		"revocations":  {"revoked": list(trust.MaxRevoked+1, func(int) object { return object{"key": c.ci.id()} })},
		"namespaces":   {"revoked": []object{{"key": c.ci.id(), "from": many(trust.MaxRevoked+1, func(i int) (string, any) { return fmt.Sprint("n", i), 1 })}}},
		"attestations": {"rules": []object{{"namespace": "acme", "attestations": attestations}}},
		"prefixes":     {"rules": []object{{"namespace": "acme", "delegate": with(quorum(1, c.lead), object{"prefixes": prefixes})}}},
		"text":         {"rules": []object{{"namespace": strings.Repeat("a", trust.MaxDocument)}}},
	} {
		if _, err := trust.ParsePolicy(encode(t, with(good, change))); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is under each limit may still be too long to be signed.
	long := with(good, object{"rules": list(trust.MaxRules, func(i int) object {
		return object{"namespace": fmt.Sprint("n", i), "publish": quorum(2, c.ci, c.bob)}
	})})
	_, err := trust.ParsePolicy(encode(t, long))
	must(t, err)
	_, err = trust.Sign(encode(t, long), c.root)
	wantKind(t, err, fault.TooLarge)
	_, err = trust.First(make([]byte, trust.MaxEnvelope+1))
	wantKind(t, err, fault.TooLarge)
}
