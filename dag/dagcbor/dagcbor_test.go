package dagcbor_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// record has a field of each shape that the structures of the format use.
type record struct {
	Version uint64            `cbor:"v"`
	Name    string            `cbor:"name"`
	Offset  int64             `cbor:"offset,omitempty"`
	Sum     []byte            `cbor:"sum,omitempty"`
	ID      [4]byte           `cbor:"id,omitzero"`
	Done    bool              `cbor:"done,omitempty"`
	Parts   []part            `cbor:"parts,omitempty"`
	Notes   map[string]string `cbor:"notes,omitempty"`
	Next    *record           `cbor:"next,omitempty"`
	Ext     cbor.RawMessage   `cbor:"ext,omitempty"`
}

type part struct {
	_    struct{} `cbor:",toarray"`
	Name string
	Size uint64
}

func TestMarshalSortsKeysByLengthThenBytes(t *testing.T) {
	data, err := dagcbor.Marshal(record{
		Version: 1, Name: "a", Offset: -5, Done: true,
		Parts: []part{{Name: "x", Size: 300}},
		Notes: map[string]string{"bb": "2", "c": "1", "a": ""},
		Ext:   cbor.RawMessage{0xa1, 0x61, 'x', 0x01},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "a7" + "6176" + "01" + // v
		"63657874" + "a1617801" + // ext
		"64646f6e65" + "f5" + // done
		"646e616d65" + "6161" + // name
		"656e6f746573" + "a3" + "6161" + "60" + "6163" + "6131" + "626262" + "6132" + // notes
		"657061727473" + "81" + "82" + "6178" + "19012c" + // parts
		"666f6666736574" + "24" // offset
	if !bytes.Equal(data, unhex(t, want)) {
		t.Errorf("got  %x\nwant %s", data, want)
	}
}

func TestMarshalGivesNilContainersAsEmpty(t *testing.T) {
	type containers struct {
		A []int          `cbor:"a"`
		B []byte         `cbor:"b"`
		C map[string]int `cbor:"c"`
	}
	data, err := dagcbor.Marshal(containers{})
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "a3616180616240"+"6163a0"); !bytes.Equal(data, want) {
		t.Fatalf("got %x, want %x", data, want)
	}
	var c containers
	if err := dagcbor.Unmarshal(data, &c); err != nil || len(c.A)+len(c.B)+len(c.C) != 0 {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestMarshalRefuses(t *testing.T) {
	deep := any(1)
	for range dagcbor.MaxDepth + 1 {
		deep = []any{deep}
	}
	for name, c := range map[string]struct {
		value any
		kind  fault.Kind
	}{
		"nothing":             {nil, fault.Invalid},
		"a nil pointer":       {(*record)(nil), fault.Invalid},
		"a float":             {1.5, fault.Invalid},
		"a whole float":       {[]float64{1}, fault.Invalid},
		"NaN":                 {math.NaN(), fault.Invalid},
		"a big number":        {new(big.Int).Lsh(big.NewInt(1), 70), fault.Invalid},
		"an integer of 2^63":  {uint64(1) << 63, fault.Invalid},
		"text in NFD":         {"cafe\u0301", fault.Invalid},
		"text that is not":    {"\xff", fault.Invalid},
		"a key in NFD":        {map[string]int{"e\u0301": 1}, fault.Invalid},
		"an integer key":      {map[int]int{1: 1}, fault.Invalid},
		"another tag":         {cbor.Tag{Number: 43, Content: []byte{0}}, fault.Invalid},
		"a link to nowhere":   {cbor.Tag{Number: 42, Content: []byte{0}}, fault.Invalid},
		"raw unsorted CBOR":   {cbor.RawMessage{0xa2, 0x61, 'b', 1, 0x61, 'a', 1}, fault.Invalid},
		"a channel":           {make(chan int), fault.Invalid},
		"too deep a nesting":  {deep, fault.TooLarge},
		"too long an array":   {make([]bool, dagcbor.MaxItems+1), fault.TooLarge},
		"more than a node":    {make([]byte, dagcbor.MaxSize), fault.TooLarge},
		"text over the limit": {strings.Repeat("a", dagcbor.MaxSize), fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if data, err := dagcbor.Marshal(c.value); !fault.Is(err, c.kind) || data != nil {
				t.Errorf("got %x, %v, want %v", data, err, c.kind)
			}
		})
	}
}

func TestUnmarshalRefusesWhatIsNotTheEncoding(t *testing.T) {
	link := "d82a5825000155" + "1e20" + strings.Repeat("00", 32)
	const start = "6176" + "01" // v: 1
	const name = "646e616d65"   // name:
	for reason, hex := range map[string]string{
		"an unknown field":                      "a3" + start + "6178" + "01" + name + "6161",
		"a field in other letters":              "a3" + "6156" + "01" + start + name + "6161",
		"a missing field":                       "a1" + start,
		"a field twice":                         "a3" + start + name + "6161" + name + "6161",
		"an empty field that is left out":       "a3" + start + name + "6161" + "657061727473" + "80",
		"a zero field that is left out":         "a3" + start + name + "6161" + "666f6666736574" + "00",
		"text as a number":                      "a2" + "6176" + "6131" + name + "6161",
		"a negative as an unsigned number":      "a2" + "6176" + "20" + name + "6161",
		"bytes as text":                         "a2" + start + name + "4161",
		"an array as bytes":                     "a3" + start + "6373756d" + "820102" + name + "6161",
		"a link as bytes":                       "a3" + start + "6373756d" + link + name + "6161",
		"bytes too long for their array":        "a3" + start + "626964" + "450102030405" + name + "6161",
		"bytes too short for their array":       "a3" + start + "626964" + "43010203" + name + "6161",
		"a pair of three":                       "a3" + start + name + "6161" + "657061727473" + "81" + "83617801" + "01",
		"a pair of one":                         "a3" + start + name + "6161" + "657061727473" + "81" + "816178",
		"an array as a structure":               "80",
		"a map as an array":                     "a3" + start + name + "6161" + "657061727473" + "a0",
		"an unknown field in a structure in it": "a3" + start + "646e616d65" + "6161" + "646e657874" + "a3" + start + "6178" + "01" + name + "6161",
	} {
		t.Run(reason, func(t *testing.T) {
			var r record
			if err := dagcbor.Unmarshal(unhex(t, hex), &r); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %+v, %v, want invalid", r, err)
			}
		})
	}
	var r record
	if err := dagcbor.Unmarshal(unhex(t, "a2"+start+name+"6161"), &r); err != nil || r.Name != "a" {
		t.Errorf("the structure without a flaw: %+v, %v", r, err)
	}
	if err := dagcbor.Unmarshal([]byte{1}, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("into nothing: %v", err)
	}
}

func TestUnmarshalLimitsItems(t *testing.T) {
	long := append([]byte{0x99, 0x80, 0x01}, bytes.Repeat([]byte{0xa0}, dagcbor.MaxItems+1)...)
	if err := dagcbor.Validate(long, nil); err != nil {
		t.Fatal(err)
	}
	var records []record
	wantFault(t, errors.Unwrap(dagcbor.Unmarshal(long, &records)), fault.TooLarge, 0)
	if records != nil {
		t.Error("memory was spent on it")
	}
}

func TestValidateLimitsSize(t *testing.T) {
	item := func(size int) []byte { // a byte string of size bytes with its head
		return append([]byte{0x5a, 0, byte((size - 5) >> 16), byte((size - 5) >> 8), byte(size - 5)}, make([]byte, size-5)...)
	}
	if err := dagcbor.Validate(item(dagcbor.MaxSize), nil); err != nil {
		t.Error(err)
	}
	wantFault(t, dagcbor.Validate(item(dagcbor.MaxSize+1), nil), fault.TooLarge, dagcbor.MaxSize)
}

func TestValidateReturnsTheErrorOfLink(t *testing.T) {
	stop := errors.New("stop")
	link := "d82a58250001551e20" + strings.Repeat("00", 32)
	calls := 0
	err := dagcbor.Validate(unhex(t, "82"+link+link), func([]byte) error {
		calls++
		return stop
	})
	if err != stop || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestValidText(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "reports/2024.json": true, "caf\u00e9": true,
		"cafe\u0301": false, "\xff": false, "a\xc3": false,
	} {
		if got := dagcbor.ValidText(s); got != want {
			t.Errorf("ValidText(%+q) = %v", s, got)
		}
		if _, err := dagcbor.Marshal(s); (err == nil) != want {
			t.Errorf("Marshal(%+q): %v", s, err)
		}
	}
}
