package customers

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"example.com/customers/contracts"
	"example.com/customers/mesh"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"
)

const (
	usualHistoryPage = 20
	// The largest bigint comes after every position.
	findChanges = `SELECT position, version, action, at, user_id, request_id, changes FROM customer_changes
		WHERE customer_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3`
)

// As the contract orders them.
var fields = []string{
	"company_name", "contact_name", "contact_title", "address", "city", "region", "postal_code", "country", "phone", "fax",
}

func (d *Database) history(ctx context.Context, request contracts.GetCustomerHistory) (page contracts.CustomerHistory, err error) {
	limit, before := usualHistoryPage, int64(1<<63-1)
	if request.Limit != nil {
		limit = *request.Limit
	}
	call := mesh.CallOf(ctx)
	scope, err := scopeOf(call.Subject, call.Payload, "")
	if err != nil {
		return page, err
	}
	if cursor, given := request.Cursor.Get(); given == nil {
		position, valid := readPosition(cursor, scope)
		if !valid {
			return page, mesh.WrongField("cursor", "invalid_cursor", "the cursor belongs to another list, order or filter")
		}
		before = position
	}
	var positions []int64
	err = d.read(ctx, func(ctx context.Context, on *pgx.Conn) error {
		if _, err := findAny(ctx, on, request.CustomerId); err != nil {
			return err
		}
		rows, err := on.Query(ctx, findChanges, request.CustomerId, before, limit+1)
		if err != nil {
			return err
		}
		page.Items, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (contracts.CustomerVersion, error) {
			position, version, err := scanVersion(row)
			positions = append(positions, position)
			return version, err
		})
		return err
	})
	page.NextCursor = nullable.NewNullNullable[string]()
	if err == nil && len(page.Items) > limit {
		page.Items = page.Items[:limit]
		page.NextCursor.Set(writePosition(scope, positions[limit-1]))
	}
	return page, err
}

func scanVersion(row pgx.CollectableRow) (position int64, version contracts.CustomerVersion, err error) {
	var action string
	var changes []byte
	var at time.Time
	err = row.Scan(&position, &version.Version, &action, &at, into[string]{&version.UserId}, into[string]{&version.RequestId}, &changes)
	if err != nil {
		return position, version, err
	}
	version.Action, version.At = contracts.CustomerAction(action), at.UTC()
	changed := map[string][2]*string{}
	if err := json.Unmarshal(changes, &changed); err != nil {
		return position, version, err
	}
	version.Changed = []contracts.FieldChange{}
	for _, name := range fields {
		if pair, ok := changed[name]; ok {
			version.Changed = append(version.Changed, contracts.FieldChange{Field: name, Before: orNull(pair[0]), After: orNull(pair[1])})
		}
	}
	return position, version, nil
}

func orNull(text *string) nullable.Nullable[string] {
	if text == nil {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(*text)
}

func writePosition(scope []byte, position int64) string {
	return seal([]byte("["+strconv.FormatInt(position, 10)+"]"), scope)
}

func readPosition(cursor string, scope []byte) (position int64, valid bool) {
	var values []int64
	body, valid := open(cursor, scope)
	if !valid || json.Unmarshal(body, &values) != nil || len(values) != 1 || values[0] < 1 {
		return 0, false
	}
	return values[0], true
}
