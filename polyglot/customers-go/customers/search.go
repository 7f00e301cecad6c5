package customers

import (
	"context"
	"fmt"
	"strings"

	"example.com/customers/contracts"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"
)

const (
	relevance = "relevance"

	// How well a customer fits a search, from 0 to 5.
	ranked = ` CROSS JOIN LATERAL (SELECT CASE
			WHEN lower(customer_id) = %[1]s THEN '0'
			WHEN company_name_folded = %[1]s THEN '1'
			WHEN company_name_folded LIKE %[2]s THEN '2'
			WHEN company_name_folded LIKE %[3]s THEN '3'
			WHEN ' ' || contact_name_folded LIKE %[3]s THEN '4'
			ELSE '5'
		END COLLATE "C" AS relevance) AS computed`

	// One row for the total, and one for each of the 100 most frequent values of a field.
	countFacets = `WITH matching AS (SELECT country, city, contact_title FROM customers WHERE %s), counted AS (
			SELECT CASE grouping(country, city, contact_title)
					WHEN 3 THEN 'country' WHEN 5 THEN 'city' WHEN 6 THEN 'contact_title' ELSE 'total'
				END AS facet,
				coalesce(country, city, contact_title) COLLATE "C" AS value,
				count(*) AS count
			FROM matching GROUP BY GROUPING SETS ((country), (city), (contact_title), ())
		), ranked AS (
			SELECT *, row_number() OVER (PARTITION BY facet ORDER BY count DESC, value) AS position FROM counted
		)
		SELECT facet, value, count FROM ranked WHERE position <= 100 ORDER BY facet, position`
)

func filtersOf(request contracts.ListCustomers) contracts.FacetCustomers {
	return contracts.FacetCustomers{
		Country: request.Country, City: request.City, Region: request.Region, Q: request.Q, Archived: request.Archived,
		CreatedAfter: request.CreatedAfter, CreatedBefore: request.CreatedBefore,
		UpdatedAfter: request.UpdatedAfter, UpdatedBefore: request.UpdatedBefore,
	}
}

// conditionsOf are those of a list and of its facets.
func conditionsOf(filters contracts.FacetCustomers, arg func(any) string) []string {
	conditions := []string{"archived_at IS NULL"}
	if filters.Archived != nil && *filters.Archived == contracts.Only {
		conditions = []string{"archived_at IS NOT NULL"}
	} else if filters.Archived != nil && *filters.Archived == contracts.True {
		conditions = []string{"true"}
	}
	for column, filter := range map[string]nullable.Nullable[string]{
		"country": filters.Country, "city": filters.City, "region": filters.Region,
	} {
		switch {
		case filter.IsNull():
			conditions = append(conditions, column+" IS NULL")
		case filter.IsSpecified():
			conditions = append(conditions, column+" = "+arg(filter.MustGet()))
		}
	}
	for condition, moment := range map[string]nullable.Nullable[string]{
		"created_at >= ": filters.CreatedAfter, "created_at < ": filters.CreatedBefore,
		"updated_at >= ": filters.UpdatedAfter, "updated_at < ": filters.UpdatedBefore,
	} {
		if value, err := moment.Get(); err == nil {
			conditions = append(conditions, condition+arg(value))
		}
	}
	if filters.Q.IsSpecified() && !filters.Q.IsNull() {
		conditions = append(conditions, "search LIKE "+arg(pattern(filters.Q.MustGet())))
	}
	return conditions
}

// rankedBy computes the column `relevance`. Without a text every customer fits alike.
func rankedBy(q nullable.Nullable[string], arg func(any) string) string {
	whole, begins := "\n", "\n"
	if q.IsSpecified() && !q.IsNull() {
		whole, begins = Fold(q.MustGet()), strings.TrimPrefix(pattern(q.MustGet()), "%")
	}
	return fmt.Sprintf(ranked, arg(whole), arg(begins), arg("% "+begins))
}

func (d *Database) facets(ctx context.Context, request contracts.FacetCustomers) (reply contracts.CustomerFacets, err error) {
	reply.Country, reply.City, reply.ContactTitle = []contracts.FacetValue{}, []contracts.FacetValue{}, []contracts.FacetValue{}
	var args []any
	conditions := conditionsOf(request, func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	})
	err = d.read(ctx, func(ctx context.Context, on *pgx.Conn) error {
		rows, err := on.Query(ctx, fmt.Sprintf(countFacets, strings.Join(conditions, " AND ")), args...)
		if err != nil {
			return err
		}
		var facet string
		var value *string
		var count int
		_, err = pgx.ForEachRow(rows, []any{&facet, &value, &count}, func() error {
			one := contracts.FacetValue{Value: orNull(value), Count: count}
			switch facet {
			case "country":
				reply.Country = append(reply.Country, one)
			case "city":
				reply.City = append(reply.City, one)
			case "contact_title":
				reply.ContactTitle = append(reply.ContactTitle, one)
			default:
				reply.Total = count
			}
			return nil
		})
		return err
	})
	return reply, err
}
