package sigstore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust/sigstore"
)

const inTotoType = "application/vnd.in-toto+json"

func TestRefusedBundles(t *testing.T) {
	data := []byte("data")
	written := bundles(t, data)
	for name, c := range map[string]struct {
		bend func(o, message, envelope object) // one of the two contents is nil
		kind fault.Kind
	}{
		"no media type":          {func(o, _, _ object) { delete(o, "mediaType") }, fault.Invalid},
		"version 0.2":            {func(o, _, _ object) { o["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2" }, fault.Invalid},
		"an unknown field":       {func(o, _, _ object) { o["extra"] = 1 }, fault.Invalid},
		"no material":            {func(o, _, _ object) { delete(o, "verificationMaterial") }, fault.Invalid},
		"material without a key": {func(o, _, _ object) { o["verificationMaterial"] = object{} }, fault.Invalid},
		"a certificate": {func(o, _, _ object) {
			o["verificationMaterial"] = object{"certificate": object{"rawBytes": "AAAA"}}
		}, fault.Denied},
		"a chain of certificates": {func(o, _, _ object) {
			o["verificationMaterial"] = object{"x509CertificateChain": object{"certificates": []any{object{"rawBytes": "AAAA"}}}}
		}, fault.Denied},
		"no content": {func(o, _, _ object) {
			delete(o, "messageSignature")
			delete(o, "dsseEnvelope")
		}, fault.Invalid},
		"both contents": {func(o, m, e object) {
			if m != nil {
				o["dsseEnvelope"] = object{}
			} else {
				o["messageSignature"] = object{}
			}
		}, fault.Invalid},
		"a digest of another kind": {func(_, m, e object) {
			if m != nil {
				m["messageDigest"].(object)["algorithm"] = "SHA2_512"
			} else {
				e["payloadType"] = "text/plain"
			}
		}, fault.Invalid},
		"no digest, no payload type": {func(_, m, e object) {
			delete(m, "messageDigest")
			delete(e, "payloadType")
		}, fault.Invalid},
		"no signature": {func(_, m, e object) {
			delete(m, "signature")
			if e != nil {
				e["signatures"].([]any)[0] = object{}
			}
		}, fault.Denied},
		"base64 of nothing": {func(_, m, e object) {
			if m != nil {
				m["signature"] = "!"
			} else {
				e["payload"] = "!"
			}
		}, fault.Invalid},
	} {
		for kind, bundle := range written {
			o := parse(t, bundle)
			message, _ := o["messageSignature"].(object)
			envelope, _ := o["dsseEnvelope"].(object)
			c.bend(o, message, envelope)
			_, err := sigstore.VerifyBundle(text(t, o), data, alice(t).Key())
			if !fault.Is(err, c.kind) {
				t.Errorf("%s with %s: %v, want %s", kind, name, err, c.kind)
			}
		}
	}
}

// DSSE knows envelopes with several signatures; a bundle must have one.
func TestAnEnvelopeHasOneSignature(t *testing.T) {
	data := []byte("data")
	for n, want := range map[int]fault.Kind{0: fault.Invalid, 2: fault.Invalid, 9: fault.Invalid} {
		o := parse(t, bundles(t, data)["attestation"])
		e := o["dsseEnvelope"].(object)
		one := e["signatures"].([]any)[0]
		all := make([]any, n)
		for i := range all {
			all[i] = one
		}
		e["signatures"] = all
		_, err := sigstore.VerifyBundle(text(t, o), data, alice(t).Key())
		wantKind(t, err, want)
	}
	o := parse(t, bundles(t, data)["attestation"])
	o["dsseEnvelope"].(object)["signatures"].([]any)[0].(object)["keyid"] = "another"
	_, err := sigstore.VerifyBundle(text(t, o), data, alice(t).Key())
	wantKind(t, err, fault.Invalid)
}

func TestBundlesThatWouldExplode(t *testing.T) {
	deep := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	entries := `{"verificationMaterial":{"tlogEntries":[{}` + strings.Repeat(",{}", 1<<20) + `]}}`
	names := `{"a":0` + strings.Repeat(`,"b":0`, 1<<20) + `}`
	for name, c := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"nothing":             {"", fault.Invalid},
		"not UTF-8":           {"{\"mediaType\":\"\xff\"}", fault.Invalid},
		"a number":            {"1e999999999", fault.Invalid},
		"null":                {"null", fault.Invalid},
		"two values":          {"{} {}", fault.Invalid},
		"a name twice":        {`{"mediaType":"a","mediaType":"b"}`, fault.Invalid},
		"a name in two cases": {`{"mediaType":"a","media_type":"b"}`, fault.Invalid},
		"many arrays":         {deep("[", "]", 5000), fault.TooLarge},
		"too many arrays":     {deep("[", "]", 1<<20), fault.Invalid}, // no more than JSON's own reader takes
		"many objects":        {strings.Repeat(`{"a":`, 20) + "0" + strings.Repeat("}", 20), fault.TooLarge},
		"many log entries":    {entries, fault.TooLarge},
		"many names":          {names, fault.Invalid},
		"a very long text":    {`{"mediaType":"` + strings.Repeat("a", sigstore.MaxBundle) + `"}`, fault.TooLarge},
	} {
		_, err := sigstore.VerifyBundle([]byte(c.text), nil, alice(t).Key())
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
}

// Statements that a trusted key did sign, but that two readers may read
// differently or that are not about the data.
func TestRefusedStatements(t *testing.T) {
	data := []byte("data")
	good := must(base64.StdEncoding.DecodeString(
		parse(t, bundles(t, data)["attestation"])["dsseEnvelope"].(object)["payload"].(string)))(t)
	replace := func(old, new string) string {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("%s has no %s", good, old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	sum := about(data).Subjects[0].SHA256
	digest := fmt.Sprintf(`"sha256":"%x"`, sum)
	for name, c := range map[string]struct {
		payload string
		kind    fault.Kind
	}{
		"another type":           {replace("Statement/v1", "Statement/v2"), fault.Invalid},
		"no type":                {replace("_type", "type"), fault.Invalid},
		"type in another case":   {replace("_type", "_Type"), fault.Invalid},
		"a type that is null":    {replace(`"https://in-toto.io/Statement/v1"`, "null"), fault.Invalid},
		"a type twice":           {replace("{", `{"_type":"x",`), fault.Invalid},
		"subject in other case":  {replace(`"subject"`, `"Subject"`), fault.Invalid},
		"no subjects":            {replace(`"subject":[`, `"subject":[],"x":[`), fault.Invalid},
		"a subject as object":    {replace(`"subject":[`, `"subject":{},"x":[`), fault.Invalid},
		"a subject's name as 1":  {replace(`"m.cbor"`, "1"), fault.Invalid},
		"no digests":             {replace(digest, ""), fault.Invalid},
		"a digest as number":     {replace(digest, `"sha256":1`), fault.Invalid},
		"upper-case hex":         {replace(digest, fmt.Sprintf(`"sha256":"%X"`, sum)), fault.Invalid},
		"a short digest":         {replace(digest, `"sha256":"00"`), fault.Invalid},
		"another digest":         {replace(digest, `"sha256":"`+strings.Repeat("00", 32)+`"`), fault.Corrupt},
		"digests of two things":  {replace(digest, digest+`,"blake3":"`+strings.Repeat("00", 32)+`"`), fault.Corrupt},
		"SHA256 in other case":   {replace(`"sha256"`, `"SHA256"`), fault.Corrupt},
		"only another algorithm": {replace(digest, `"gitCommit":"00"`), fault.Corrupt},
		"no predicate":           {replace(`"predicate":`, `"x":`), fault.Invalid},
		"a list as predicate":    {replace(`"predicate":`, `"predicate":[],"x":`), fault.Invalid},
		"a predicate's name, 2":  {replace(`"by":`, `"by":1,"by":`), fault.Invalid},
		"a relative type":        {replace("https://example.org/built/v1", "built/v1"), fault.Invalid},
		"a predicate too deep":   {replace(`"by":`, `"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,"by":`), fault.TooLarge},
		"too many subjects":      {replace(`"subject":[`, `"subject":[`+strings.Repeat(`{"digest":{"sha1":"00"}},`, sigstore.MaxSubjects)), fault.TooLarge},
		"a list":                 {"[]", fault.Invalid},
		"nothing":                {"", fault.Invalid},
	} {
		bundle := text(t, envelope(t, alice(t), inTotoType, []byte(c.payload)))
		_, err := sigstore.VerifyBundle(bundle, data, alice(t).Key())
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}

	for name, payload := range map[string]string{
		"as it was":               string(good),
		"of version 0.1":          replace("Statement/v1", "Statement/v0.1"),
		"with a field unknown":    replace("{", `{"later":{},`),
		"with another algorithm":  replace(digest, `"sha512":"00",`+digest),
		"with white space":        replace(`"predicate":`, "\t\"predicate\" :\n "),
		"after subjects unlike":   replace(`"subject":[`, `"subject":[{"name":"x","digest":{"sha1":"00"}},`),
		"with names in two cases": replace(`"by":`, `"BY":1,"by":`),
	} {
		bundle := text(t, envelope(t, alice(t), inTotoType, []byte(payload)))
		if _, err := sigstore.VerifyBundle(bundle, data, alice(t).Key()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := sigstore.VerifyBundle(text(t, envelope(t, alice(t), "text/plain", good)), data, alice(t).Key())
	wantKind(t, err, fault.Invalid)
}

func TestWhatIsNotAttested(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(*sigstore.InToto)
		kind fault.Kind
	}{
		"no subject":          {func(st *sigstore.InToto) { st.Subjects = nil }, fault.Invalid},
		"no SHA-256":          {func(st *sigstore.InToto) { st.Subjects[0].SHA256 = nil }, fault.Invalid},
		"a short SHA-256":     {func(st *sigstore.InToto) { st.Subjects[0].SHA256 = make([]byte, 20) }, fault.Invalid},
		"a short BLAKE3":      {func(st *sigstore.InToto) { st.Subjects[0].BLAKE3 = make([]byte, 20) }, fault.Invalid},
		"a name too long":     {func(st *sigstore.InToto) { st.Subjects[0].Name = strings.Repeat("a", 5000) }, fault.Invalid},
		"a type, not a URI":   {func(st *sigstore.InToto) { st.PredicateType = "built" }, fault.Invalid},
		"a broken type":       {func(st *sigstore.InToto) { st.PredicateType = "http://[" }, fault.Invalid},
		"a name not UTF-8":    {func(st *sigstore.InToto) { st.Subjects[0].Name = "\xff" }, fault.Invalid},
		"a type not UTF-8":    {func(st *sigstore.InToto) { st.PredicateType = "urn:x:\xff" }, fault.Invalid},
		"no predicate":        {func(st *sigstore.InToto) { st.Predicate = nil }, fault.Invalid},
		"a predicate in YAML": {func(st *sigstore.InToto) { st.Predicate = json.RawMessage("by: me") }, fault.Invalid},
		"a text as predicate": {func(st *sigstore.InToto) { st.Predicate = json.RawMessage(`"x"`) }, fault.Invalid},
		"a name twice":        {func(st *sigstore.InToto) { st.Predicate = json.RawMessage(`{"a":1,"a":2}`) }, fault.Invalid},
		"not UTF-8":           {func(st *sigstore.InToto) { st.Predicate = json.RawMessage("{\"a\":\"\xff\"}") }, fault.Invalid},
		"too many subjects": {func(st *sigstore.InToto) {
			st.Subjects = make([]sigstore.Subject, sigstore.MaxSubjects+1)
			for i := range st.Subjects {
				st.Subjects[i].SHA256 = make([]byte, 32)
			}
		}, fault.TooLarge},
		"a large predicate": {func(st *sigstore.InToto) {
			st.Predicate = json.RawMessage(`{"a":"` + strings.Repeat("a", sigstore.MaxStatement) + `"}`)
		}, fault.TooLarge},
	} {
		st := about([]byte("data"))
		c.bend(&st)
		_, err := sigstore.Attest(alice(t), st)
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
}
