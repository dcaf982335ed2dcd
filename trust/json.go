package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// encodeJSON returns v in the form of RFC 8785, for the strings (ASCII), names
// of members (ASCII) and numbers (integers up to 2^53) that policies have.
func encodeJSON(v any) ([]byte, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, err
	}
	tree, err := parseJSON(b) // whose maps are written in order
	if err != nil {
		return nil, err
	}
	return marshal(tree)
}

// marshal is json.Marshal without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// decodeJSON reads one JSON value into v, which is a pointer to a struct, more
// strictly than encoding/json: no member is unknown, written in another case,
// given twice, or null.
func decodeJSON(data []byte, v any) error {
	tree, err := parseJSON(data)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	read, err := encodeJSON(v)
	if err != nil {
		return err
	}
	again, err := parseJSON(read)
	if err != nil {
		return err
	}
	return sameMembers(tree, again)
}

// parseJSON reads one JSON value as a tree of map[string]any, []any,
// json.Number, string and bool.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	switch {
	case err == io.EOF:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	case depth > maxNesting:
		return nil, fmt.Errorf("it is nested deeper than %d", maxNesting)
	}
	var v any = token
	switch token {
	case nil:
		return nil, errors.New("null is no value here: leave the member out")
	case json.Delim('{'):
		v, err = parseObject(dec, depth)
	case json.Delim('['):
		v, err = parseArray(dec, depth)
	default:
		return v, nil
	}
	if err == nil {
		_, err = dec.Token() // the closing bracket
	}
	return v, err
}

func parseObject(dec *json.Decoder, depth int) (map[string]any, error) {
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if _, twice := object[name]; twice || !ok {
			return nil, fmt.Errorf("member %.100q stands twice", name)
		}
		if object[name], err = parseValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func parseArray(dec *json.Decoder, depth int) ([]any, error) {
	array := []any{}
	for dec.More() {
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	return array, nil
}

// sameMembers tells whether each member of wrote that says anything is in read
// under the very same name: encoding/json takes names in any case.
func sameMembers(wrote, read any) error {
	switch w := wrote.(type) {
	case map[string]any:
		r, _ := read.(map[string]any)
		for name, v := range w {
			if _, ok := r[name]; !ok && !empty(v) {
				return fmt.Errorf("unknown member %.100q", name)
			}
			if err := sameMembers(v, r[name]); err != nil {
				return err
			}
		}
	case []any:
		r, _ := read.([]any)
		for i, v := range w {
			if i >= len(r) {
				break
			}
			if err := sameMembers(v, r[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// empty reports whether leaving v out says the same.
func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	}
	return false
}
