package customers

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"example.com/customers/mesh"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// After these another connection may work: to the new primary, or without what a pooler has left.
var spoilt = []string{readOnly, "26000", "42P05"}

const (
	expireAtOnce = 1000
	expireKeys   = `DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_keys
		WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED))`
	workTimeout = 3500 * time.Millisecond // with the wait for a connection: below an endpoint's five seconds, so that the caller learns the reason
	// The trigger that writes the history reads them (W-STATE-7).
	nameCaller  = "SELECT set_config('mesh.user_id', $1, true), set_config('mesh.request_id', $2, true)"
	readOnly    = "25006"
	lockTimeout = "55P03"
)

// Each wait is bounded, also where the deadline cannot reach: the server ends what its client left.
var session = map[string]string{
	"application_name": "customers", "timezone": "UTC", "statement_timeout": "3000ms", "lock_timeout": "2s",
	"idle_in_transaction_session_timeout": "10s",
}

// migrated says whether the newest tables that this worker uses are there (W-STATE-2). It creates none.
const migrated = `SELECT count(*) = 2 FROM schema_migrations
	WHERE name IN ('0004_history.sql', 'events_0001_outbox_and_inbox.sql')`

// Database runs each piece of work on a connection of its own.
type Database struct {
	pool, spare *pgxpool.Pool // the spare one is for probes: a busy pool is no outage
	written     chan struct{} // an event has been committed
}

// Open prepares the pools. It connects to nothing yet.
func Open(ctx context.Context, url string, size int) (*Database, error) {
	pools := [2]*pgxpool.Pool{}
	for i, most := range []int{size, 1} {
		config, err := pgxpool.ParseConfig(url)
		if err != nil {
			return nil, err
		}
		config.MaxConns = int32(most)
		config.ConnConfig.ConnectTimeout = 5 * time.Second
		for name, value := range session {
			config.ConnConfig.RuntimeParams[name] = value
		}
		if pools[i], err = pgxpool.NewWithConfig(ctx, config); err != nil {
			return nil, err
		}
	}
	return &Database{pools[0], pools[1], make(chan struct{}, 1)}, nil
}

// Close ends all connections.
func (d *Database) Close() { d.pool.Close(); d.spare.Close() }

// Probe is for mesh.Service.Monitor.
func (d *Database) Probe(ctx context.Context) (limit string, err error) {
	var isReadOnly string
	var isMigrated bool
	err = d.spare.QueryRow(ctx, "SELECT current_setting('transaction_read_only')").Scan(&isReadOnly)
	if err == nil {
		err = d.spare.QueryRow(ctx, migrated).Scan(&isMigrated)
	}
	switch {
	case err != nil:
		slog.Warn("probe_failed", "error", err)
		return "", errors.New("the database does not answer")
	case !isMigrated:
		return "", errors.New("the database does not answer: its tables are not migrated")
	case isReadOnly == "on":
		d.spare.Reset() // the next connection may reach the primary
		return "the database is read-only", nil
	}
	return "", nil
}

// read runs the work on a connection.
func (d *Database) read(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	bounded, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	connection, err := d.pool.Acquire(bounded)
	if err != nil {
		return outage(ctx, err)
	}
	defer connection.Release()
	err = work(bounded, connection.Conn())
	var said *pgconn.PgError
	if errors.As(err, &said) && slices.Contains(spoilt, said.Code) {
		connection.Conn().Close(bounded) // the next one may work
	}
	return outage(ctx, err)
}

// Expire deletes Idempotency-Keys that are no longer kept, every minute until the context ends.
func (d *Database) Expire(ctx context.Context) {
	for ctx.Err() == nil {
		deleted := int64(0)
		err := d.read(ctx, func(ctx context.Context, on *pgx.Conn) error {
			done, err := on.Exec(ctx, expireKeys)
			deleted = done.RowsAffected()
			return err
		})
		if err == nil && deleted == expireAtOnce {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	}
}

// write runs the work in a transaction, and wakes the relay after its commit.
func (d *Database) write(ctx context.Context, work func(context.Context, pgx.Tx) error) error {
	err := d.read(ctx, func(ctx context.Context, connection *pgx.Conn) error {
		return pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
			call := mesh.CallOf(ctx)
			if _, err := tx.Exec(ctx, nameCaller, call.Caller.Subject, call.RequestID); err != nil {
				return err
			}
			return work(ctx, tx)
		})
	})
	if err == nil {
		select {
		case d.written <- struct{}{}:
		default:
		}
	}
	return err
}

// outage turns what a database says of itself into a fault. Our own mistakes stay errors.
func outage(ctx context.Context, err error) error {
	var fault *mesh.Fault
	var said *pgconn.PgError
	switch {
	case err == nil, errors.As(err, &fault), errors.Is(err, pgx.ErrNoRows):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &said) && !ofTheDatabase(said.Code):
		return err
	}
	slog.Warn("database_unavailable", "error", err)
	if said != nil && said.Code == readOnly {
		return &mesh.Fault{Code: mesh.Overloaded, Reason: "database_read_only", Detail: "the database is read-only at the moment"}
	}
	return &mesh.Fault{Code: mesh.Overloaded, Reason: "database_unavailable", Detail: "the database does not answer at the moment"}
}

func ofTheDatabase(sqlstate string) bool {
	switch sqlstate[:2] {
	case "08", "26", "28", "3D", "3F", "40", "53", "55", "57", "58", "72", "F0", "HV", "XX":
		return true
	}
	switch sqlstate { // the schema is not the migrated one, or the server is not to be written to
	case readOnly, "25P03", "25P04", "42501", "42703", "42704", "42804", "42809", "42883", "42P01", "42P05", "0A000":
		return true
	}
	return false
}
