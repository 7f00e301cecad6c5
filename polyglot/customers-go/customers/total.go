package customers

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"example.com/customers/contracts"
	"github.com/jackc/pgx/v5"
)

const (
	mostCounted = 10_000  // rows; beyond them a list has an estimate (W-ROW-10)
	mostCost    = 100_000 // PostgreSQL's units; a count that costs more is not begun
)

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
	bounded := fmt.Sprintf("%s LIMIT %d", matching, mostCounted+1)
	found, err := explain(ctx, on, bounded, args)
	if err != nil {
		return 0, false, err
	}
	if found.Cost <= mostCost {
		rows, err := on.Query(ctx, "SELECT count(*) FROM ("+bounded+") AS rows", args...)
		if err != nil {
			return 0, false, err
		}
		if count, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil || count <= mostCounted {
			return count, false, err
		}
	}
	found, err = explain(ctx, on, matching, args)
	return min(max(found.Rows, count), math.MaxInt32), true, err
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
