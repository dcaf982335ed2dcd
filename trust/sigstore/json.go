package sigstore

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/tegwick/artifact-store/dag/fault"
)

// checkJSON refuses what two readers may understand differently, and what is
// small as text but large once decoded: text that is not one JSON value in
// UTF-8 (RFC 8259), a name that an object has twice, more than depth levels of
// objects and arrays, or more than tokens brackets, names and values.
func checkJSON(op string, text []byte, depth, tokens int) error {
	if !utf8.Valid(text) || !json.Valid(text) {
		return fault.New(fault.Invalid, op, "", "it is not JSON")
	}
	var levels []level
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a number is kept as it is written, whatever its size
	for ; tokens > 0; tokens-- {
		token, err := d.Token()
		if err != nil {
			return fault.Wrap(fault.Invalid, op, "", err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if len(levels) > 0 {
				levels[len(levels)-1].value()
			}
			if len(levels) == depth {
				return fault.New(fault.TooLarge, op, "", "its JSON has more than %d levels", depth)
			}
			levels = append(levels, level{object: token == json.Delim('{'), name: true})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		default:
			if len(levels) > 0 && !levels[len(levels)-1].take(token) {
				return fault.New(fault.Invalid, op, "", "its JSON has the name %.100q twice in one object", token)
			}
		}
		if len(levels) == 0 {
			return nil // the one value is whole; json.Valid saw that nothing follows
		}
	}
	return fault.New(fault.TooLarge, op, "", "its JSON has too many values")
}

// level is an object or array that is open.
type level struct {
	object bool
	name   bool // whether an object's next token is a name
	names  map[string]struct{}
}

// take notes a name or a plain value. It reports whether a name is new.
func (l *level) take(token json.Token) bool {
	if !l.object || !l.name {
		l.value()
		return true
	}
	name, _ := token.(string)
	if _, twice := l.names[name]; twice {
		return false
	}
	if l.names == nil {
		l.names = make(map[string]struct{})
	}
	l.names[name] = struct{}{}
	l.name = false
	return true
}

// value notes that a value was begun: in an object, a name follows it.
func (l *level) value() { l.name = true }

// members are an object's, by their exact names: encoding/json would match the
// fields of a struct in any case.
type members map[string]json.RawMessage

// text returns a member that is a string, or "" where it is missing.
func (m members) text(op, name string) (string, error) {
	raw, ok := m[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fault.New(fault.Invalid, op, "", "its %q is not a string", name)
	}
	return *s, nil
}
