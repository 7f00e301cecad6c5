package customers

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"example.com/customers/contracts"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"
)

const (
	mostCounted = 10_000 // rows; beyond them a list has an estimate (W-ROW-10)
	mostCost    = 20_000 // PostgreSQL's units; if counting all that matches costs more, nothing is counted
)

// customerPage is contracts.CustomerPage with every member, also those that a reader does not need (W-OK-1).
type customerPage struct {
	Items          []contracts.Customer      `json:"items"`
	NextCursor     nullable.Nullable[string] `json:"next_cursor"`
	Total          nullable.Nullable[int]    `json:"total"`
	TotalEstimated bool                      `json:"total_estimated"`
}

type plan struct {
	Rows int     `json:"Plan Rows"`
	Cost float64 `json:"Total Cost"`
}

// total says how many customers match on all pages, and whether that is an estimate.
func total(ctx context.Context, on querier, request contracts.ListCustomers) (count int, estimated bool, err error) {
	var args []any
	conditions := conditionsOf(filtersOf(request), func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	})
	matching := "SELECT 1 FROM customers WHERE " + strings.Join(conditions, " AND ")
	found, err := explain(ctx, on, matching, args)
	if err != nil {
		return 0, false, err
	}
	if found.Cost <= mostCost {
		rows, err := on.Query(ctx, fmt.Sprintf("SELECT count(*) FROM (%s LIMIT %d) AS rows", matching, mostCounted+1), args...)
		if err != nil {
			return 0, false, err
		}
		if count, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil || count <= mostCounted {
			return count, false, err
		}
	}
	return min(max(found.Rows, count), math.MaxInt32), true, nil
}

func explain(ctx context.Context, on querier, sql string, args []any) (plan, error) {
	rows, err := on.Query(ctx, "EXPLAIN (FORMAT JSON) "+sql, args...)
	if err != nil {
		return plan{}, err
	}
	text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[json.RawMessage])
	if err != nil {
		return plan{}, err
	}
	var found []struct{ Plan plan }
	if err := json.Unmarshal(text, &found); err != nil || len(found) != 1 {
		return plan{}, fmt.Errorf("EXPLAIN answers with %d plans: %w", len(found), err)
	}
	return found[0].Plan, nil
}
