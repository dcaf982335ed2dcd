package trust_test

import (
	"bytes"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// FuzzParsePolicy reads any bytes as a policy: what is taken can be asked, and
// has one canonical form, which means the same.
func FuzzParsePolicy(f *testing.F) {
	c := newCast(f)
	f.Add(encode(f, c.document(f)))
	f.Add(encode(f, with(c.document(f), object{"revoked": []object{{"key": c.ci.id(), "from": object{"acme": 3}}}})))
	f.Add(encode(f, c.team(2, c.eves("acme/team"))))
	f.Add([]byte(`{"version":1,"epoch":1,"Epoch":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := trust.ParsePolicy(text)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("an error of kind %v: %v", k, err)
			}
			return
		}
		have := []trust.Statement{claim(c.ci, "acme/dev", "v1")}
		v := p.Check(asks("acme/dev", "v1"), have, now)
		signed, err := trust.Sign(text, c.root)
		if fault.Is(err, fault.TooLarge) {
			return
		}
		if err != nil {
			t.Fatalf("it is read, and not signed: %v", err)
		}
		q, err := trust.First(signed)
		if err != nil {
			return // the root is not this one
		}
		if w := q.Check(asks("acme/dev", "v1"), have, now); q.Epoch() != p.Epoch() || v.Allowed != w.Allowed || why(v) != why(w) {
			t.Fatalf("signed it says %s, before %s", why(w), why(v))
		}
	})
}

// FuzzEnvelope reads any bytes as a signed policy: what is taken is what
// signing it again gives, byte for byte.
func FuzzEnvelope(f *testing.F) {
	c := newCast(f)
	whole := sign(f, c.document(f), c.root)
	p, err := trust.First(whole)
	must(f, err)
	f.Add(whole)
	f.Add(sign(f, c.document(f)))
	f.Add(sign(f, c.team(2, c.eves("acme/team")), c.lead))
	f.Add(sign(f, with(c.document(f), object{"epoch": 2}), c.root))
	f.Add([]byte(`{"payload":"","payloadType":"` + trust.PolicyType + `","signatures":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if first, err := trust.First(data); err == nil && first.Epoch() == 0 {
			t.Fatal("a policy without an epoch")
		}
		if q, err := p.Next(data); err == nil && q.Epoch() != 2 {
			t.Fatalf("epoch %d follows 1", q.Epoch())
		}
		more, err := trust.AddSignature(data, c.eve)
		if err != nil {
			return
		}
		mark := []byte(`{"keyid":"` + string(c.eve.id()))
		i := bytes.Index(more, mark)
		j := i + bytes.IndexByte(more[i:], '}') + 1
		if i > 0 && more[j] == ',' {
			j++ // the list goes on
		} else if more[i-1] == ',' {
			i--
		}
		if without := append(bytes.Clone(more[:i]), more[j:]...); !bytes.Equal(without, data) {
			t.Fatalf("with a signature it is\n%s, and was\n%s", more, data)
		}
	})
}

// FuzzParseKey reads any bytes as a public key: what is taken has one text.
func FuzzParseKey(f *testing.F) {
	f.Add(newSigner(f, "a").public.PEM())
	f.Add(newEdSigner(f, "a").public.PEM())
	f.Add(bytes.ReplaceAll(newSigner(f, "a").public.PEM(), []byte("\n"), []byte("\r\n")))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := trust.ParseKey(text)
		if err != nil {
			return
		}
		again, err := trust.ParseKey(k.PEM())
		if err != nil || again.ID != k.ID {
			t.Fatalf("%s became %s: %v", k.ID, again.ID, err)
		}
		if got := bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\r\n"), []byte("\n")); !bytes.Equal(got, bytes.TrimSpace(k.PEM())) {
			t.Fatalf("%q was taken", text)
		}
	})
}
