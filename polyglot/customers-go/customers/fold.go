// Package customers answers customers.* from PostgreSQL, beside or instead of the Python worker.
package customers

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

var letters = strings.NewReplacer(
	"æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "ħ", "h", "ł", "l", "þ", "th", "ı", "i",
)

// Fold is what a text is searched and sorted by: without case, accents and invisible characters (W-FOLD).
func Fold(text string) string {
	shown := strings.Map(keepVisible, text)
	bare := strings.Map(keepBase, norm.NFKD.String(cases.Fold().String(shown)))
	return strings.Join(strings.FieldsFunc(letters.Replace(strings.Map(cherokee, cases.Fold().String(bare))), isSpace), " ")
}

// pattern is the LIKE pattern that finds the text in folded text. One that folds to nothing finds nothing.
func pattern(text string) string {
	folded := Fold(text)
	if folded == "" {
		return "\n" // no folded text has a line break
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(folded) + "%"
}

func keepVisible(r rune) rune {
	if invisible(r) {
		return -1
	}
	return r
}

func keepBase(r rune) rune {
	if norm.NFKD.PropertiesString(string(r)).CCC() != 0 || invisible(r) {
		return -1
	}
	return r
}

// cherokee undoes what cases.Fold does: Unicode folds these letters to the large ones.
func cherokee(r rune) rune {
	switch {
	case r >= 0x13F8 && r <= 0x13FD:
		return r - 8
	case r >= 0xAB70 && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	}
	return r
}

func isSpace(r rune) bool {
	return unicode.Is(unicode.White_Space, r) || r >= 0x1C && r <= 0x1F
}

func invisible(r rune) bool { return unicode.Is(ignorable, r) }

// ignorable has the invisible code points of W-FOLD-3.
var ignorable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00AD, Hi: 0x00AD, Stride: 1}, {Lo: 0x034F, Hi: 0x034F, Stride: 1}, {Lo: 0x061C, Hi: 0x061C, Stride: 1},
		{Lo: 0x115F, Hi: 0x1160, Stride: 1}, {Lo: 0x17B4, Hi: 0x17B5, Stride: 1}, {Lo: 0x180B, Hi: 0x180F, Stride: 1},
		{Lo: 0x200B, Hi: 0x200F, Stride: 1}, {Lo: 0x202A, Hi: 0x202E, Stride: 1}, {Lo: 0x2060, Hi: 0x206F, Stride: 1},
		{Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xFE00, Hi: 0xFE0F, Stride: 1},
		{Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1}, {Lo: 0xFFA0, Hi: 0xFFA0, Stride: 1}, {Lo: 0xFFF0, Hi: 0xFFF8, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1BCA0, Hi: 0x1BCA3, Stride: 1}, {Lo: 0x1D159, Hi: 0x1D159, Stride: 1},
		{Lo: 0x1D173, Hi: 0x1D17A, Stride: 1}, {Lo: 0xE0000, Hi: 0xE0FFF, Stride: 1},
	},
}
