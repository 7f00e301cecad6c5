package customers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/customers/contracts"
	"example.com/customers/mesh"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"
)

const columns = "customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, " +
	"phone, fax, version, archived_at, created_at, updated_at"

var (
	folded     = []string{"company_name", "contact_name", "city", "country"} // each has a column <name>_folded
	customerID = regexp.MustCompile(`^[A-Z]{5}$`)
)

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// into scans a column that may be null.
type into[T any] struct{ field *nullable.Nullable[T] }

func (i into[T]) Scan(value any) error {
	switch value := value.(type) {
	case nil:
		i.field.SetNull()
	case T:
		i.field.Set(value)
	default:
		return fmt.Errorf("a column has the type %T", value)
	}
	return nil
}

func scan(row pgx.CollectableRow, more ...any) (c contracts.Customer, err error) {
	text := func(field *nullable.Nullable[string]) any { return into[string]{field} }
	err = row.Scan(append([]any{
		&c.CustomerId, &c.CompanyName, text(&c.ContactName), text(&c.ContactTitle), text(&c.Address), text(&c.City),
		text(&c.Region), text(&c.PostalCode), text(&c.Country), text(&c.Phone), text(&c.Fax), &c.Version,
		into[time.Time]{&c.ArchivedAt}, into[time.Time]{&c.CreatedAt}, into[time.Time]{&c.UpdatedAt},
	}, more...)...)
	return c, err
}

func one(ctx context.Context, on querier, sql string, args ...any) (contracts.Customer, error) {
	rows, err := on.Query(ctx, sql, args...)
	if err != nil {
		return contracts.Customer{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (contracts.Customer, error) { return scan(row) })
}

// find reads a customer that is not archived.
func find(ctx context.Context, on querier, id string) (contracts.Customer, error) {
	found, err := findAny(ctx, on, id)
	if err == nil && !found.ArchivedAt.IsNull() {
		return found, &mesh.Fault{Code: mesh.NotFound, Reason: "customer_archived", Detail: "customer " + id + " is archived"}
	}
	return found, err
}

func findAny(ctx context.Context, on querier, id string) (contracts.Customer, error) {
	found, err := one(ctx, on, "SELECT "+columns+" FROM customers WHERE customer_id = $1", id)
	if errors.Is(err, pgx.ErrNoRows) {
		return found, &mesh.Fault{Code: mesh.NotFound, Reason: "customer_not_found", Detail: "there is no customer " + id}
	}
	return found, err
}

const inUse = " AND archived_at IS NULL"

func findMany(ctx context.Context, on querier, ids []string) (map[string]contracts.Customer, error) {
	rows, err := on.Query(ctx, "SELECT "+columns+" FROM customers WHERE customer_id = ANY($1)"+inUse, ids)
	if err != nil {
		return nil, err
	}
	found := map[string]contracts.Customer{}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (contracts.Customer, error) { return scan(row) })
	for _, customer := range all {
		found[customer.CustomerId] = customer
	}
	return found, err
}

// list reads a page. It reads one row more, which shows that there is another page.
func list(ctx context.Context, on querier, request contracts.ListCustomers, limit int, sort string, after []string) (found []contracts.Customer, positions [][]string, err error) {
	var args []any
	arg := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	}
	from := "customers"
	conditions := conditionsOf(filtersOf(request), arg)
	if sort == relevance {
		from += rankedBy(request.Q, arg)
	}
	order := orderOf(sort)
	if after != nil {
		conditions = append(conditions, behind(order, after, arg))
	}
	names, by := make([]string, len(order)), make([]string, len(order))
	for i, key := range order {
		names[i], by[i] = key.column, key.column+key.direction()
	}
	sql := fmt.Sprintf("SELECT %s, ARRAY[%s] FROM %s WHERE %s ORDER BY %s LIMIT %s", columns, strings.Join(names, ", "), from,
		strings.Join(conditions, " AND "), strings.Join(by, ", "), arg(limit+1))
	rows, err := on.Query(ctx, sql, args...)
	if err != nil {
		return nil, nil, err
	}
	found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (contracts.Customer, error) {
		var position []string
		customer, err := scan(row, &position)
		positions = append(positions, position)
		return customer, err
	})
	return found, positions, err
}

// columnsOf has the fields that a request names, with the folds of those that are searched. What is left out stays out.
func columnsOf(fields any) (names []string, values []any, err error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, nil, err
	}
	given := map[string]*string{}
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		names, values = append(names, name), append(values, given[name])
	}
	return names, values, nil
}

func withFolds(names []string, values []any) ([]string, []any) {
	for i, name := range names[:len(names):len(names)] {
		if slices.Contains(folded, name) {
			text, _ := values[i].(*string)
			if text == nil {
				text = new(string)
			}
			names, values = append(names, name+"_folded"), append(values, Fold(*text))
		}
	}
	return names, values
}

func create(ctx context.Context, tx pgx.Tx, request contracts.CreateCustomer) (created contracts.Customer, err error) {
	if request.CustomerId == nil {
		created, err = createUnderFreeKey(ctx, tx, request)
	} else if created, err = insert(ctx, tx, request); errors.Is(err, pgx.ErrNoRows) {
		detail := fmt.Sprintf("the customer_id %s is taken", *request.CustomerId)
		return created, &mesh.Fault{Code: mesh.Conflict, Reason: "customer_exists", Detail: detail}
	}
	return created, announced(ctx, tx, created, err)
}

// insert fails with pgx.ErrNoRows if the id is taken.
func insert(ctx context.Context, tx pgx.Tx, request contracts.CreateCustomer) (contracts.Customer, error) {
	names, values, err := columnsOf(request)
	if err != nil {
		return contracts.Customer{}, err
	}
	for _, name := range folded { // they may not be null
		if !slices.Contains(names, name) {
			names, values = append(names, name), append(values, (*string)(nil))
		}
	}
	names, values = withFolds(names, values)
	places := make([]string, len(names))
	for i := range names {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	return one(ctx, tx, fmt.Sprintf("INSERT INTO customers (%s) VALUES (%s) ON CONFLICT DO NOTHING RETURNING %s",
		strings.Join(names, ", "), strings.Join(places, ", "), columns), values...)
}

func update(ctx context.Context, tx pgx.Tx, request contracts.UpdateCustomer) (contracts.Customer, error) {
	names, values, err := columnsOf(request.Patch)
	if err != nil {
		return contracts.Customer{}, err
	}
	names, values = withFolds(names, values)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s = $%d", name, i+3)
	}
	updated, err := one(ctx, tx, fmt.Sprintf("UPDATE customers SET %s, version = version + 1, updated_at = now()"+
		" WHERE customer_id = $1 AND version = $2%s RETURNING %s", strings.Join(names, ", "), inUse, columns),
		append([]any{request.CustomerId, request.ExpectedVersion}, values...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		current, err := find(ctx, tx, request.CustomerId)
		return current, otherVersion(current, err)
	}
	return updated, announced(ctx, tx, updated, err)
}

func archive(ctx context.Context, tx pgx.Tx, request contracts.ArchiveCustomer) (contracts.Customer, error) {
	var expected *int
	if version, err := request.ExpectedVersion.Get(); err == nil {
		expected = &version
	}
	return turn(ctx, tx, request.CustomerId, expected, "now()", "NULL", true)
}

func restore(ctx context.Context, tx pgx.Tx, request contracts.RestoreCustomer) (contracts.Customer, error) {
	var expected *int
	if version, err := request.ExpectedVersion.Get(); err == nil {
		expected = &version
	}
	return turn(ctx, tx, request.CustomerId, expected, "NULL", "NOT NULL", false)
}

// turn archives a customer, or restores it. One that is so already does not change.
func turn(ctx context.Context, tx pgx.Tx, id string, expected *int, to, from string, archived bool) (contracts.Customer, error) {
	turned, err := one(ctx, tx, "UPDATE customers SET archived_at = "+to+", version = version + 1, updated_at = now()"+
		" WHERE customer_id = $1 AND ($2::integer IS NULL OR version = $2) AND archived_at IS "+from+" RETURNING "+columns,
		id, expected)
	if !errors.Is(err, pgx.ErrNoRows) {
		return turned, announced(ctx, tx, turned, err)
	}
	current, err := findAny(ctx, tx, id)
	if err == nil && current.ArchivedAt.IsNull() == archived {
		err = otherVersion(current, nil)
	}
	return current, err
}

func otherVersion(current contracts.Customer, err error) error {
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("customer %s has version %d, not the expected one", current.CustomerId, current.Version)
	return &mesh.Fault{Code: mesh.Conflict, Reason: "version_mismatch", Detail: detail, CurrentVersion: int(current.Version)}
}
