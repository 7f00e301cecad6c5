package mesh

import (
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
)

func TestATimestampHasSixDigitsOfASecondOrNone(t *testing.T) {
	zone := time.FixedZone("CEST", 2*60*60)
	for expected, at := range map[string]time.Time{
		`"2026-07-01T09:30:00.570430Z"`: time.Date(2026, 7, 1, 9, 30, 0, 570_430_000, time.UTC),
		`"2026-07-01T09:30:00.000001Z"`: time.Date(2026, 7, 1, 11, 30, 0, 1_000, zone),
		`"2026-07-01T09:30:00Z"`:        time.Date(2026, 7, 1, 9, 30, 0, 0, time.UTC),
	} {
		for _, reply := range []any{at, nullable.NewNullableWithValue(at)} {
			written, err := Encode(reply)
			if err != nil || string(written) != expected {
				t.Errorf("%v is written as %s (%v), not %s", at, written, err, expected)
			}
		}
	}
}
