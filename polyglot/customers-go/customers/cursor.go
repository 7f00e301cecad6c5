package customers

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

const checksum = 8 // bytes

// canonical writes RFC 8785.
func canonical(value any) (jsontext.Value, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	canonical := jsontext.Value(text)
	return canonical, canonical.Canonicalize()
}

// scopeOf is what a cursor is valid for: the list, its filters and its order, if it has one (W-PAGE-4).
func scopeOf(subject string, payload []byte, sort string) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(payload, &members); err != nil {
		return nil, err
	}
	delete(members, "cursor")
	delete(members, "limit")
	delete(members, "count")
	if sort != "" {
		members["sort"] = json.RawMessage(`"` + sort + `"`)
	}
	return canonical([]any{subject, members})
}

func writeCursor(scope []byte, position []string) (string, error) {
	body, err := canonical(position)
	if err != nil {
		return "", err
	}
	return seal(body, scope), nil
}

// seal makes a cursor of a position in JSON; open reads it, and is false for a cursor of another list.
func seal(body, scope []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(sum(body, scope), body...))
}

func open(cursor string, scope []byte) ([]byte, bool) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(data) < checksum || !bytes.Equal(data[:checksum], sum(data[checksum:], scope)) {
		return nil, false
	}
	return data[checksum:], true
}

// readCursor returns the `length` texts of a position; false for a cursor of another list.
func readCursor(cursor string, scope []byte, length int) ([]string, bool) {
	body, valid := open(cursor, scope)
	var position []*string
	if !valid || json.Unmarshal(body, &position) != nil || len(position) != length {
		return nil, false
	}
	texts := make([]string, length)
	for i, text := range position {
		if text == nil || bytes.ContainsRune([]byte(*text), 0) {
			return nil, false
		}
		texts[i] = *text
	}
	return texts, customerID.MatchString(texts[length-1])
}

func sum(body, scope []byte) []byte {
	digest := sha256.Sum256(append(append(bytes.Clone(body), '\n'), scope...))
	return digest[:checksum]
}
