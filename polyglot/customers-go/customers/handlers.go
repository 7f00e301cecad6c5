package customers

import (
	"context"
	"crypto/sha256"
	stdjson "encoding/json"
	"errors"

	"example.com/customers/contracts"
	"example.com/customers/mesh"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/oapi-codegen/nullable"
)

const (
	usualPage = 50
	usualSort = "customer_id"

	// A second request waits here until the transaction of the first one ends. An expired key counts as absent.
	claimKey = `INSERT INTO idempotency_keys AS kept (scope, key, digest) VALUES ($1, $2, $3)
		ON CONFLICT (scope, key) DO UPDATE SET digest = excluded.digest, reply = NULL, created_at = excluded.created_at
			WHERE kept.created_at < now() - interval '24 hours'`
	keepReply = "UPDATE idempotency_keys SET reply = $3 WHERE scope = $1 AND key = $2"
	findReply = "SELECT digest, reply::text FROM idempotency_keys WHERE scope = $1 AND key = $2"
)

// Serve answers customers.* from the database.
func Serve(s *mesh.Service, d *Database) {
	mesh.Handle(s, contracts.EndpointCustomersGet, d.get)
	mesh.Handle(s, contracts.EndpointCustomersGetMany, d.getMany)
	mesh.Handle(s, contracts.Endpoint[contracts.ListCustomers, customerPage](contracts.EndpointCustomersList), d.list)
	mesh.Handle(s, contracts.EndpointCustomersFacets, d.facets)
	mesh.Handle(s, contracts.EndpointCustomersCreate, keyed(d, create))
	mesh.Handle(s, contracts.EndpointCustomersUpdate, keyed(d, update))
	mesh.Handle(s, contracts.EndpointCustomersArchive, keyed(d, archive))
	mesh.Handle(s, contracts.EndpointCustomersRestore, keyed(d, restore))
	mesh.Handle(s, contracts.EndpointCustomersImportRows, keyed(d, importRows))
	mesh.Handle(s, contracts.EndpointCustomersHistory, d.history)
}

func (d *Database) get(ctx context.Context, request contracts.GetCustomer) (found contracts.Customer, err error) {
	err = d.read(ctx, func(ctx context.Context, on *pgx.Conn) (err error) {
		found, err = find(ctx, on, request.CustomerId)
		return err
	})
	return found, err
}

func (d *Database) getMany(ctx context.Context, request contracts.GetCustomers) (contracts.CustomersFound, error) {
	reply := contracts.CustomersFound{Items: []contracts.Customer{}, Missing: []string{}}
	err := d.read(ctx, func(ctx context.Context, on *pgx.Conn) error {
		found, err := findMany(ctx, on, request.CustomerIds)
		seen := map[string]bool{}
		for _, id := range request.CustomerIds {
			if customer, ok := found[id]; ok && !seen[id] {
				reply.Items = append(reply.Items, customer)
			} else if !seen[id] {
				reply.Missing = append(reply.Missing, id)
			}
			seen[id] = true
		}
		return err
	})
	return reply, err
}

func (d *Database) list(ctx context.Context, request contracts.ListCustomers) (page customerPage, err error) {
	limit, sort := usualPage, usualSort
	if request.Limit != nil {
		limit = *request.Limit
	}
	if request.Sort != nil {
		sort = *request.Sort
	}
	call := mesh.CallOf(ctx)
	scope, err := scopeOf(call.Subject, call.Payload, sort)
	if err != nil {
		return page, err
	}
	var after []string
	if cursor, given := request.Cursor.Get(); given == nil {
		var valid bool
		if after, valid = readCursor(cursor, scope, len(orderOf(sort))); !valid {
			return page, mesh.WrongField("cursor", "invalid_cursor", "the cursor belongs to another list, order or filter")
		}
	}
	var positions [][]string
	var counted int
	estimated, counts := false, request.Count != nil && *request.Count
	err = d.read(ctx, func(ctx context.Context, on *pgx.Conn) error {
		if counts {
			if counted, estimated, err = total(ctx, on, request); err != nil {
				return err
			}
		}
		page.Items, positions, err = list(ctx, on, request, limit, sort, after)
		return err
	})
	page.Total, page.TotalEstimated = nullable.NewNullNullable[int](), estimated
	if counts {
		page.Total.Set(counted)
	}
	page.NextCursor = nullable.NewNullNullable[string]()
	if err == nil && len(page.Items) > limit {
		page.Items = page.Items[:limit]
		cursor, err := writeCursor(scope, positions[limit-1])
		page.NextCursor.Set(cursor)
		return page, err
	}
	return page, err
}

// keyed runs a write once for each Idempotency-Key, and keeps its reply in the same transaction (W-IDEM).
func keyed[Req, Rep any](d *Database, write func(context.Context, pgx.Tx, Req) (Rep, error)) func(context.Context, Req) (Rep, error) {
	return func(ctx context.Context, request Req) (done Rep, err error) {
		call := mesh.CallOf(ctx)
		if call.Key == "" {
			err = d.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
				done, err = write(ctx, tx, request)
				return err
			})
			return done, err
		}
		scope := call.Subject + " " + call.Caller.Subject
		digest, older, err := digests(call.Payload, request)
		if err != nil {
			return done, err
		}
		err = d.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			claimed, err := claim(ctx, tx, scope, call.Key, digest)
			if err != nil {
				return err
			}
			if !claimed {
				done, err = kept[Rep](ctx, tx, scope, call.Key, digest, older)
				return err
			}
			if done, err = write(ctx, tx, request); err != nil {
				return err
			}
			reply, err := mesh.Encode(done)
			if err == nil {
				_, err = tx.Exec(ctx, keepReply, scope, call.Key, string(reply))
			}
			return err
		})
		return done, err
	}
}

// digests are that of W-IDEM-5, and that of a row from before it (W-IDEM-7).
func digests(payload jsontext.Value, request any) (digest, older [32]byte, err error) {
	canonical := payload.Clone()
	if err = canonical.Canonicalize(); err != nil {
		return digest, older, err
	}
	text, err := stdjson.Marshal(request) // its fields are in the order of the schema
	if err != nil {
		return digest, older, err
	}
	plain := jsontext.Value(text)
	err = plain.Format(jsontext.PreserveRawStrings(false))
	return sha256.Sum256(canonical), sha256.Sum256(plain), err
}

func claim(ctx context.Context, tx pgx.Tx, scope, key string, digest [32]byte) (bool, error) {
	done, err := tx.Exec(ctx, claimKey, scope, key, digest[:])
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == lockTimeout {
		detail := "the first request with this Idempotency-Key is still running"
		return false, &mesh.Fault{Code: mesh.Overloaded, Reason: "request_in_progress", Detail: detail}
	}
	return done.RowsAffected() == 1, err
}

func kept[Rep any](ctx context.Context, tx pgx.Tx, scope, key string, digest, older [32]byte) (first Rep, err error) {
	var of []byte
	var reply string
	if err := tx.QueryRow(ctx, findReply, scope, key).Scan(&of, &reply); err != nil {
		return first, err
	}
	if string(of) != string(digest[:]) && string(of) != string(older[:]) {
		detail := "this Idempotency-Key was used with another payload"
		return first, &mesh.Fault{Code: mesh.Conflict, Reason: "idempotency_key_reused", Detail: detail}
	}
	return first, json.Unmarshal([]byte(reply), &first)
}
