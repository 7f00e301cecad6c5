package mesh

import (
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
)

func TestEachTimestampHasSixDigitsOrNone(t *testing.T) {
	whole := time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC)
	for at, expected := range map[time.Time]string{
		whole:                                `{"at":"2026-12-01T13:00:00Z","nullable":"2026-12-01T13:00:00Z"}`,
		whole.Add(906530 * time.Microsecond): `{"at":"2026-12-01T13:00:00.906530Z","nullable":"2026-12-01T13:00:00.906530Z"}`,
	} {
		written, err := Encode(struct {
			At       time.Time                    `json:"at"`
			Nullable nullable.Nullable[time.Time] `json:"nullable"`
		}{at, nullable.NewNullableWithValue(at)})
		if err != nil || string(written) != expected {
			t.Errorf("%s %v", written, err)
		}
	}
}
