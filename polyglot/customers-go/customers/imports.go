package customers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/customers/contracts"
	"example.com/customers/mesh"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"
)

const (
	created   = contracts.ImportOutcome("created")
	updated   = contracts.ImportOutcome("updated")
	unchanged = contracts.ImportOutcome("unchanged")
	refused   = contracts.ImportOutcome("refused")
)

// known is a customer as an import compares it; nil stands for one that does not exist.
type known struct {
	fields   map[string]*string
	version  int
	archived bool
	dates    map[string]time.Time // created_at and updated_at; what an import sets is not known
}

// importRows takes the rows of one customer after the other, by id, so that two imports do not wait for each other.
func importRows(ctx context.Context, tx pgx.Tx, request contracts.ImportRows) (contracts.RowsImported, error) {
	rows := request.Rows
	reply := contracts.RowsImported{Rows: make([]contracts.ImportedRow, len(rows))}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[a].CustomerId, rows[b].CustomerId) })
	dry := request.DryRun != nil && *request.DryRun
	var current *known
	for n, i := range order {
		var err error
		if n == 0 || rows[order[n-1]].CustomerId != rows[i].CustomerId {
			if current, err = knownOf(ctx, tx, rows[i].CustomerId, dry); err != nil {
				return reply, err
			}
		}
		if reply.Rows[i], current, err = importRow(ctx, tx, rows[i], current, dry); err != nil {
			return reply, err
		}
	}
	return reply, nil
}

// importRow returns what became of a row, and the customer afterwards.
func importRow(ctx context.Context, tx pgx.Tx, row contracts.CustomerRow, current *known, dry bool) (contracts.ImportedRow, *known, error) {
	given, err := fieldsOf(patchOf(row))
	if err != nil {
		return contracts.ImportedRow{}, current, err
	}
	done := planned(row, given, current)
	outcome := done.Outcome
	if !dry && outcome == created {
		var fault *mesh.Fault
		if _, err = create(ctx, tx, newOf(row)); errors.As(err, &fault) && fault.Reason == "customer_exists" {
			if current, err = knownOf(ctx, tx, row.CustomerId, dry); err == nil { // somebody else has just created it
				return importRow(ctx, tx, row, current, dry)
			}
		}
	} else if !dry && outcome == updated {
		change := contracts.UpdateCustomer{CustomerId: row.CustomerId, ExpectedVersion: current.version, Patch: patchOf(row)}
		_, err = update(ctx, tx, change)
	}
	if outcome == created || outcome == updated {
		current = after(current, given)
	}
	return done, current, err
}

// planned decides about a row.
func planned(row contracts.CustomerRow, given map[string]*string, current *known) contracts.ImportedRow {
	done := contracts.ImportedRow{
		CustomerId: row.CustomerId, Outcome: updated, Errors: []contracts.RowError{},
		Reason: nullable.NewNullNullable[string](), Detail: nullable.NewNullNullable[string](),
	}
	refuse := func(reason, detail string, wrong ...contracts.RowError) {
		done.Outcome, done.Errors = refused, append(done.Errors, wrong...)
		done.Reason.Set(reason)
		done.Detail.Set(detail)
	}
	expected, anyVersion := row.ExpectedVersion.Get()
	switch {
	case current == nil && row.CompanyName == nil:
		missing := contracts.RowError{Field: "company_name", Reason: "required", Message: "is required"}
		refuse("invalid_payload", "a new customer needs a company_name", missing)
	case current == nil:
		done.Outcome = created
	case current.archived:
		refuse("customer_archived", "customer "+row.CustomerId+" is archived: restore it first")
	case len(current.datesChanged(row)) > 0:
		wrong := current.datesChanged(row)
		names := wrong[0].Field
		if len(wrong) > 1 {
			names += ", " + wrong[1].Field
		}
		refuse("invalid_payload", "read-only fields: "+names, wrong...)
	case current.has(given):
		done.Outcome = unchanged
	case anyVersion == nil && expected != current.version:
		refuse("version_mismatch", fmt.Sprintf("customer %s has version %d, not %d", row.CustomerId, current.version, expected))
	}
	return done
}

// datesChanged are the dates of a row that are not the customer's. Of another version, updated_at is not known.
func (k *known) datesChanged(row contracts.CustomerRow) (wrong []contracts.RowError) {
	compare := func(name string, given nullable.Nullable[string]) {
		text, none := given.Get()
		moment, err := time.Parse(time.RFC3339Nano, text)
		if is, known := k.dates[name]; none == nil && err == nil && known && !is.Equal(moment) {
			wrong = append(wrong, contracts.RowError{Field: name, Reason: "read_only", Message: "cannot be changed"})
		}
	}
	compare("created_at", row.CreatedAt)
	if expected, none := row.ExpectedVersion.Get(); none == nil && expected == k.version {
		compare("updated_at", row.UpdatedAt)
	}
	return wrong
}

func (k *known) has(given map[string]*string) bool {
	for name, value := range given {
		if is := k.fields[name]; (is == nil) != (value == nil) || is != nil && *is != *value {
			return false
		}
	}
	return true
}

// after is the customer with the given fields.
func after(current *known, given map[string]*string) *known {
	next := &known{fields: map[string]*string{}, version: 1, dates: map[string]time.Time{}}
	if current != nil {
		if at, known := current.dates["created_at"]; known {
			next.dates["created_at"] = at
		}
		next.version = current.version + 1
		for name, value := range current.fields {
			next.fields[name] = value
		}
	}
	for name, value := range given {
		next.fields[name] = value
	}
	return next
}

// knownOf reads a customer, and locks it unless the run is dry.
func knownOf(ctx context.Context, tx pgx.Tx, id string, dry bool) (*known, error) {
	lock := " FOR UPDATE"
	if dry {
		lock = ""
	}
	found, err := one(ctx, tx, "SELECT "+columns+" FROM customers WHERE customer_id = $1"+lock, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(contracts.CustomerPatch{
		CompanyName: &found.CompanyName, ContactName: found.ContactName, ContactTitle: found.ContactTitle,
		Address: found.Address, City: found.City, Region: found.Region, PostalCode: found.PostalCode,
		Country: found.Country, Phone: found.Phone, Fax: found.Fax,
	})
	dates := map[string]time.Time{"created_at": found.CreatedAt.MustGet(), "updated_at": found.UpdatedAt.MustGet()}
	return &known{fields: fields, version: int(found.Version), archived: !found.ArchivedAt.IsNull(), dates: dates}, err
}

func fieldsOf(patch contracts.CustomerPatch) (map[string]*string, error) {
	names, values, err := columnsOf(patch)
	fields := map[string]*string{}
	for i, name := range names {
		fields[name], _ = values[i].(*string)
	}
	return fields, err
}

func patchOf(row contracts.CustomerRow) contracts.CustomerPatch {
	return contracts.CustomerPatch{
		CompanyName: row.CompanyName, ContactName: row.ContactName, ContactTitle: row.ContactTitle, Address: row.Address,
		City: row.City, Region: row.Region, PostalCode: row.PostalCode, Country: row.Country, Phone: row.Phone, Fax: row.Fax,
	}
}

// newOf has the row of a customer that does not exist. It has a company_name.
func newOf(row contracts.CustomerRow) contracts.CreateCustomer {
	return contracts.CreateCustomer{
		CustomerId: &row.CustomerId, CompanyName: *row.CompanyName, ContactName: row.ContactName,
		ContactTitle: row.ContactTitle, Address: row.Address, City: row.City, Region: row.Region,
		PostalCode: row.PostalCode, Country: row.Country, Phone: row.Phone, Fax: row.Fax,
	}
}
