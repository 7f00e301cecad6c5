package mesh

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed schemas.json
var schemas []byte

const (
	deepest         = 100
	longestNumber   = 400
	longestField    = 100
	mostFieldErrors = 20
)

// visibleText is how the patterns begin that stand for W-VAL-4, which is more than a pattern can say.
const visibleText = `^[^\x00]*[^\x00-\x20`

var malformed = &Fault{Code: InvalidArgument, Reason: "malformed_json", Detail: "the payload is not JSON"}

var compiler = func() *jsonschema.Compiler {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas))
	if err != nil {
		panic(err)
	}
	shapes := document.(map[string]any)["$defs"].(map[string]any)
	maps.DeleteFunc(shapes, func(name string, _ any) bool { return strings.HasSuffix(name, "Headers") }) // no payloads
	compiler := jsonschema.NewCompiler()
	compiler.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		if strings.HasPrefix(pattern, visibleText) {
			return visible{}, nil
		}
		return regexp.Compile(pattern)
	})
	if err := compiler.AddResource("schemas.json", document); err != nil {
		panic(err)
	}
	return compiler
}()

// schemaOf is the schema of a generated type, which is named like its shape.
func schemaOf(shape reflect.Type) *jsonschema.Schema {
	return compiler.MustCompile("schemas.json#/$defs/" + shape.Name())
}

// validate reports what is wrong with a payload: first all of its JSON (W-JSON), then its fields (W-VAL).
func validate(payload jsontext.Value, schema *jsonschema.Schema) error {
	if !payload.IsValid() { // by RFC 7493: no name twice, no lone surrogate, UTF-8 alone
		return malformed
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return malformed
	}
	value, flat := integersOnly(value, deepest)
	if !flat {
		return malformed
	}
	if wrong, ok := schema.Validate(value).(*jsonschema.ValidationError); ok {
		return invalidPayload(wrong)
	}
	return nil
}

// integersOnly replaces each number that is not written as an integer by a fraction, which no schema accepts: to
// JSON Schema, 1.0 is an integer. False if values are nested too deep.
func integersOnly(value any, depth int) (any, bool) {
	ok := depth >= 0
	switch value := value.(type) {
	case json.Number:
		if strings.ContainsAny(string(value), ".eE") || len(value) > longestNumber {
			return json.Number("0.5"), ok
		}
	case []any:
		for i := 0; ok && i < len(value); i++ {
			value[i], ok = integersOnly(value[i], depth-1)
		}
	case map[string]any:
		for name, member := range value {
			if value[name], ok = integersOnly(member, depth-1); !ok {
				break
			}
		}
	}
	return value, ok
}

func invalidPayload(wrong *jsonschema.ValidationError) *Fault {
	var found []FieldError
	seen := map[string]bool{}
	collect(wrong, func(path []string, reason string) {
		field := fieldPath(path)
		list := field
		if last := len(path) - 1; last >= 0 && strings.Trim(path[last], "0123456789") == "" {
			list = fieldPath(path[:last]) + "." // of a list only the first wrong item
		}
		if !seen[list] && len(found) < mostFieldErrors {
			seen[list] = true
			found = append(found, FieldError{field, reason, messages[reason]})
		}
	})
	slices.SortFunc(found, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	names := make([]string, len(found))
	for i, one := range found {
		names[i] = one.Field
	}
	return &Fault{Code: InvalidArgument, Reason: "invalid_payload", Detail: "the payload does not fit: " + strings.Join(names, ", "), Fields: found}
}

var messages = map[string]string{
	"required":      "the field is missing",
	"unknown_field": "the contract has no such field",
	"wrong_type":    "the value has another type",
	"pattern":       "the text does not have the form of the field",
	"too_short":     "the text is too short",
	"too_long":      "the text is too long",
	"too_few":       "there are too few members",
	"too_many":      "there are too many members",
	"too_small":     "the number is too small",
	"too_large":     "the number is too large",
	"not_allowed":   "the value is not one of the allowed ones",
	"invalid":       "the value breaks a rule of the field",
}

// collect calls `found` with each mistake. Of one value's mistakes the pattern comes last: the length says more.
func collect(wrong *jsonschema.ValidationError, found func(path []string, reason string)) {
	path := wrong.InstanceLocation
	var patterns []*jsonschema.ValidationError
	switch what := wrong.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range what.Missing {
			found(append(path[:len(path):len(path)], name), "required")
		}
	case *kind.AdditionalProperties:
		for _, name := range what.Properties {
			found(append(path[:len(path):len(path)], name), "unknown_field")
		}
	default:
		if len(wrong.Causes) == 0 {
			found(path, reasonOf(what))
		}
	}
	for _, cause := range wrong.Causes {
		if _, last := cause.ErrorKind.(*kind.Pattern); last {
			patterns = append(patterns, cause)
		} else {
			collect(cause, found)
		}
	}
	for _, cause := range patterns {
		found(cause.InstanceLocation, "pattern")
	}
}

func reasonOf(what jsonschema.ErrorKind) string {
	switch what.(type) {
	case *kind.Type, *kind.InvalidJsonValue:
		return "wrong_type"
	case *kind.Pattern, *kind.Format:
		return "pattern"
	case *kind.MinLength:
		return "too_short"
	case *kind.MaxLength:
		return "too_long"
	case *kind.MinItems, *kind.MinProperties:
		return "too_few"
	case *kind.MaxItems, *kind.MaxProperties:
		return "too_many"
	case *kind.Minimum, *kind.ExclusiveMinimum:
		return "too_small"
	case *kind.Maximum, *kind.ExclusiveMaximum:
		return "too_large"
	case *kind.Enum, *kind.Const:
		return "not_allowed"
	}
	return "invalid"
}

func fieldPath(path []string) string {
	runes := []rune(strings.Join(path, "."))
	var field strings.Builder
	for _, r := range runes[:min(len(runes), longestField)] {
		if unicode.IsPrint(r) {
			field.WriteRune(r)
		} else {
			field.WriteString(strings.Trim(fmt.Sprintf("%+q", r), "'"))
		}
	}
	return field.String()
}

// visible matches a text with something to be seen, and without U+0000.
type visible struct{}

func (visible) String() string { return visibleText }

func (visible) MatchString(text string) bool {
	return !strings.ContainsRune(text, 0) && strings.ContainsFunc(text, func(r rune) bool { return !blank(r) })
}

func blank(r rune) bool {
	switch {
	case r == 0x2800, r >= 0xFFF9 && r <= 0xFFFB, r >= 0x13430 && r <= 0x1343F, r == 0x1D159:
		return true
	case r >= 0xFFF0 && r <= 0xFFF8, r >= 0xE0000 && r <= 0xE0FFF: // ignorable, and mostly not assigned
		return true
	case unicode.In(r, unicode.Cf):
		return !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
	}
	return unicode.In(r, unicode.Cc, unicode.Z, unicode.M, unicode.Other_Default_Ignorable_Code_Point)
}
