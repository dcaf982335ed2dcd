package dag_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multibase"
	"github.com/multiformats/go-multihash"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// emptyHash is BLAKE3-256 of nothing (the BLAKE3 test vectors).
const emptyHash = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"

func TestSumIsBLAKE3(t *testing.T) {
	if got, want := dag.Sum(nil).String(), "blake3:"+emptyHash; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The second official vector: one byte of zero.
	if got, want := dag.Sum([]byte{0}).String(), "blake3:2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEmptyBlockHasItsKnownName(t *testing.T) {
	c := dag.NewBlock(dag.Raw, nil).CID
	if got, want := hex.EncodeToString(c.Bytes()), "01551e20"+emptyHash; got != want {
		t.Errorf("bytes %s, want %s", got, want)
	}
	if got, want := c.String(), "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi"; got != want {
		t.Errorf("text %s, want %s", got, want)
	}
}

func TestGoCIDAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBlock(t)
		for form, read := range map[string]func() (cid.Cid, error){
			"bytes": func() (cid.Cid, error) { return cid.Cast(b.CID.Bytes()) },
			"text":  func() (cid.Cid, error) { return cid.Decode(b.CID.String()) },
		} {
			std, err := read()
			if err != nil {
				t.Fatalf("%s: %v", form, err)
			}
			p := std.Prefix()
			if p.Version != 1 || p.Codec != uint64(b.CID.Codec) || p.MhType != multihash.BLAKE3 || p.MhLength != 32 {
				t.Fatalf("%s: %+v of %s", form, p, b.CID)
			}
			mh, err := multihash.Decode(std.Hash())
			if err != nil {
				t.Fatalf("%s: %v", form, err)
			}
			if mh.Name != "blake3" || !bytes.Equal(mh.Digest, b.CID.Digest[:]) {
				t.Fatalf("%s: multihash %+v, want %s", form, mh, b.CID.Digest)
			}
			if std.String() != b.CID.String() {
				t.Fatalf("%s: text %s, want %s", form, std, b.CID)
			}
		}
	})
}

func TestParseCIDReadsAnyBase(t *testing.T) {
	c := dag.NewBlock(dag.Cbor, []byte{0xa0}).CID
	std, err := cid.Cast(c.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []multibase.Encoding{multibase.Base32, multibase.Base58BTC, multibase.Base36, multibase.Base16, multibase.Base64url} {
		text, err := std.StringOfBase(base)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dag.ParseCID(text); err != nil || got != c {
			t.Errorf("ParseCID(%q) = %v, %v", text, got, err)
		}
	}
}

func TestParseCIDRefuses(t *testing.T) {
	hash := strings.Repeat("00", 32)
	for reason, hexBytes := range map[string]string{
		"nothing":              "",
		"version 0":            "1220" + hash,
		"version 2":            "02551e20" + hash,
		"dag-pb":               "01701e20" + hash,
		"sha2-256":             "01551220" + hash,
		"a hash of 31 bytes":   "01551e1f" + hash[2:],
		"a byte cut off":       "01551e20" + hash[2:],
		"a byte too many":      "01551e20" + hash + "00",
		"a codec of two bytes": "01d5001e20" + hash,
		"a codec beside ours":  "01d5011e20" + hash,
	} {
		b, err := hex.DecodeString(hexBytes)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := dag.ParseCIDBytes(b); !fault.Is(err, fault.Invalid) || !c.IsZero() {
			t.Errorf("%s: bytes give %v, %v", reason, c, err)
		}
		if c, err := dag.ParseCID("f" + hexBytes); !fault.Is(err, fault.Invalid) || !c.IsZero() {
			t.Errorf("%s: text gives %v, %v", reason, c, err)
		}
	}
	for _, s := range []string{"", "b", "bafy", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "blake3:" + emptyHash, "\xff\xff"} {
		if c, err := dag.ParseCID(s); !fault.Is(err, fault.Invalid) || !c.IsZero() {
			t.Errorf("ParseCID(%q) = %v, %v", s, c, err)
		}
	}
}

func TestZeroCIDNamesNothing(t *testing.T) {
	var zero dag.CID
	if !zero.IsZero() || dag.NewBlock(dag.Raw, nil).CID.IsZero() {
		t.Error("IsZero")
	}
	if c, err := dag.ParseCID(zero.String()); !fault.Is(err, fault.Invalid) {
		t.Errorf("its text reads as %v, %v", c, err)
	}
	if c, err := dag.ParseCIDBytes(zero.Bytes()); !fault.Is(err, fault.Invalid) {
		t.Errorf("its bytes read as %v, %v", c, err)
	}
}

func TestParseDigest(t *testing.T) {
	d := dag.Sum([]byte("a"))
	if got, err := dag.ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{
		"", "blake3:", emptyHash, "blake3:" + emptyHash[2:], "blake3:" + emptyHash + "00",
		"blake3:" + strings.ToUpper(emptyHash), "BLAKE3:" + emptyHash, "sha256:" + emptyHash,
		"blake3:" + emptyHash[:62] + "zz", "blake3 " + emptyHash,
	} {
		if got, err := dag.ParseDigest(s); !fault.Is(err, fault.Invalid) || got != (dag.Digest{}) {
			t.Errorf("ParseDigest(%q) = %v, %v", s, got, err)
		}
	}
}

func TestCheckFindsEveryFlippedBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBlock(t)
		if got, err := dag.Check(b.CID, b.Data); err != nil || got.CID != b.CID || !bytes.Equal(got.Data, b.Data) {
			t.Fatalf("got %v, %v", got.CID, err)
		}
		if len(b.Data) == 0 {
			return
		}
		bit := rapid.IntRange(0, 8*len(b.Data)-1).Draw(t, "bit")
		b.Data[bit/8] ^= 1 << (bit % 8)
		if _, err := dag.Check(b.CID, b.Data); !fault.Is(err, fault.Corrupt) {
			t.Fatalf("a flipped bit gives %v", err)
		}
	})
}

func drawBlock(t *rapid.T) dag.Block {
	codec := rapid.SampledFrom([]dag.Codec{dag.Raw, dag.Cbor}).Draw(t, "codec")
	return dag.NewBlock(codec, rapid.SliceOf(rapid.Byte()).Draw(t, "data"))
}

func FuzzParseCID(f *testing.F) {
	f.Add(dag.NewBlock(dag.Raw, nil).CID.String())
	f.Add("f01711e20" + emptyHash)
	f.Add("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := dag.ParseCID(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) || !c.IsZero() {
				t.Errorf("%v, %v", c, err)
			}
			return
		}
		if again, err := dag.ParseCID(c.String()); err != nil || again != c {
			t.Errorf("%q reads as %v, whose text reads as %v, %v", s, c, again, err)
		}
		if again, err := dag.ParseCIDBytes(c.Bytes()); err != nil || again != c {
			t.Errorf("%q reads as %v, whose bytes read as %v, %v", s, c, again, err)
		}
	})
}

func FuzzParseDigest(f *testing.F) {
	f.Add("blake3:" + emptyHash)
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := dag.ParseDigest(s); err == nil && d.String() != s {
			t.Errorf("%q reads as %v", s, d)
		}
	})
}
