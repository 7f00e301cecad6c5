package customers

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"example.com/customers/contracts"
	"example.com/customers/internal/vectors"
	"golang.org/x/text/unicode/rangetable"
)

func TestTextsFoldAsEverywhere(t *testing.T) {
	read := vectors.Read[struct {
		Cases    []struct{ Why, Text, Folded string }
		Patterns []struct{ Why, Text, Like string }
	}](t, "folding.json")
	for _, one := range read.Cases {
		if folded := Fold(one.Text); folded != one.Folded {
			t.Errorf("%s: %q", one.Why, folded)
		}
	}
	for _, one := range read.Patterns {
		if like := pattern(one.Text); like != one.Like {
			t.Errorf("%s: %q", one.Why, like)
		}
	}
}

func TestEachCodePointFoldsAsTheTableSays(t *testing.T) {
	read := vectors.Read[struct {
		Removed, Spaces [][2]string
		Folded          map[string]string
	}](t, "folding_table.json")
	table := map[rune]string{}
	for become, ranges := range map[string][][2]string{"": read.Removed, " ": read.Spaces} {
		for _, ends := range ranges {
			for r := codePoint(t, ends[0]); r <= codePoint(t, ends[1]); r++ {
				table[r] = become
			}
		}
	}
	for from, to := range read.Folded {
		table[codePoint(t, from)] = to
	}
	assigned := rangetable.Assigned("13.0.0") // newer ones may differ
	for r := rune(1); r <= 0x10FFFF; r++ {
		to, changes := table[r]
		if !changes {
			to = string(r)
		}
		isHangul := r >= 0xAC00 && r <= 0xD7A3
		if folded := Fold("x" + string(r) + "x"); folded != "x"+to+"x" && unicode.Is(assigned, r) && !isHangul {
			t.Errorf("U+%04X: %q, not %q", r, folded, to)
		}
	}
}

func codePoint(t *testing.T, hexadecimal string) rune {
	t.Helper()
	number, err := strconv.ParseInt(hexadecimal, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return rune(number)
}

type listed struct {
	Why, Subject, Scope, Cursor string
	Request                     json.RawMessage
	Position                    []any
}

func (l listed) sort() string {
	given := contracts.ListCustomers{}
	if json.Unmarshal(l.Request, &given); given.Sort != nil {
		return *given.Sort
	}
	return usualSort
}

func TestCursorsAreThoseOfEveryWorker(t *testing.T) {
	read := vectors.Read[struct{ Cases, Refused []listed }](t, "cursors.json")
	for _, one := range slices.DeleteFunc(read.Cases, isOfOthers) {
		scope, err := scopeOf(one.Subject, one.Request, one.sort())
		if err != nil || string(scope) != one.Scope {
			t.Errorf("%s: scope %s %v", one.Why, scope, err)
		}
		position := []string{}
		for _, value := range one.Position {
			position = append(position, value.(string))
		}
		if cursor, err := writeCursor(scope, position); err != nil || cursor != one.Cursor {
			t.Errorf("%s: %s %v", one.Why, cursor, err)
		}
		if found, valid := readCursor(one.Cursor, scope, len(orderOf(one.sort()))); !valid || !slices.Equal(found, position) {
			t.Errorf("%s: %v", one.Why, found)
		}
	}
	for _, one := range slices.DeleteFunc(read.Refused, isOfOthers) {
		scope, _ := scopeOf(one.Subject, one.Request, one.sort())
		if found, valid := readCursor(one.Cursor, scope, len(orderOf(one.sort()))); valid {
			t.Errorf("%s: %v", one.Why, found)
		}
	}
}

func isOfOthers(one listed) bool { return !strings.HasPrefix(one.Subject, "customers.") }

func TestDigestsAreThoseOfEveryWorker(t *testing.T) {
	read := vectors.Read[struct {
		Cases []struct{ Why, Payload, SHA256 string }
	}](t, "digests.json")
	for _, one := range read.Cases {
		if digest, _, err := digests([]byte(one.Payload), nil); err != nil || hex.EncodeToString(digest[:]) != one.SHA256 {
			t.Errorf("%s: %x %v", one.Why, digest, err)
		}
	}
}

func TestAnUpdateNamesOnlyTheFieldsOfItsPatch(t *testing.T) {
	request := contracts.UpdateCustomer{}
	if err := json.Unmarshal([]byte(`{"patch":{"city":"Åbo","fax":null}}`), &request); err != nil {
		t.Fatal(err)
	}
	names, values, err := columnsOf(request.Patch)
	names, values = withFolds(names, values)
	if err != nil || !slices.Equal(names, []string{"city", "fax", "city_folded"}) || values[1] != (*string)(nil) || values[2] != "abo" {
		t.Error(names, values, err)
	}
}
