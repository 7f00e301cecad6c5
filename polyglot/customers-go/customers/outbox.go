package customers

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"example.com/customers/contracts"
	"example.com/customers/mesh"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
)

const (
	writeEvent = "INSERT INTO outbox (event_id, subject, aggregate, headers, body) VALUES ($1, $2, $3, $4, $5)"

	// The relays of all workers claim an aggregate by the same lock, so its events are sent in order. FOR UPDATE passes
	// over rows that another relay has deleted since. MATERIALIZED keeps the planner from taking more locks than LIMIT.
	claimEvents = `WITH oldest AS MATERIALIZED (
			SELECT position, hashtext(aggregate) AS hash FROM outbox ORDER BY position LIMIT 1000
		), hashes AS MATERIALIZED (
			SELECT hash FROM oldest GROUP BY hash ORDER BY min(position)
		), claimed AS MATERIALIZED (
			SELECT hash FROM hashes WHERE pg_try_advisory_xact_lock(x'6f757462'::int, hash) LIMIT 100
		)
		SELECT position, subject, headers, body FROM outbox JOIN oldest USING (position) JOIN claimed USING (hash)
		ORDER BY position LIMIT 100 FOR UPDATE OF outbox`
	removeEvents = "DELETE FROM outbox WHERE position = ANY($1)"

	relayPoll     = 5 * time.Second // finds what a dead process left
	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
	claiming      = 2 * time.Second // together with the next one below workTimeout, or no removal would be committed
	storing       = time.Second
	lastRelay     = 2 * time.Second
)

// announced stores customers.changed in the transaction of the change, unless that failed.
func announced(ctx context.Context, tx pgx.Tx, changed contracts.Customer, err error) error {
	if err != nil {
		return err
	}
	event, call, id := contracts.EventCustomersChanged, mesh.CallOf(ctx), uuid.New()
	body, err := json.Marshal(contracts.CustomerChanged{CustomerId: changed.CustomerId, Version: changed.Version})
	if err != nil {
		return err
	}
	header := map[string]string{
		"ce-specversion": "1.0", "ce-id": id.String(), "ce-type": event.Type, "ce-source": "/customers",
		"ce-subject": changed.CustomerId, "ce-time": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		"Content-Type": "application/json", nats.MsgIdHdr: id.String(), "X-Request-Id": call.RequestID,
	}
	if call.Traceparent != "" {
		header["traceparent"] = call.Traceparent
	}
	headers, err := json.Marshal(header)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, writeEvent, id, event.Subject, changed.CustomerId, string(headers), body)
	return err
}

// Relay publishes what waits in the outbox, and removes what the stream has acknowledged (W-EVT-3).
type Relay struct {
	database *Database
	nc       *nats.Conn
	mu       sync.Mutex
	stats    relayStats
}

type relayStats struct {
	Published        int    `json:"published"`
	PublishErrors    int    `json:"publish_errors"`
	LastPublishError string `json:"last_publish_error"`
}

// NewRelay makes the relay of the database's outbox.
func NewRelay(d *Database, nc *nats.Conn) *Relay { return &Relay{database: d, nc: nc} }

// Statistics is the `data` of a STATS document.
func (r *Relay) Statistics() any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return map[string]any{"events": r.stats}
}

// Run relays until the context ends; then it sends what the last requests wrote, for two seconds at most.
func (r *Relay) Run(ctx context.Context) {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		if r.all(ctx) {
			pause = 0
			select {
			case <-r.database.written:
			case <-time.After(relayPoll):
			case <-ctx.Done():
			}
			continue
		}
		pause = min(max(2*pause, shortestPause), longestPause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRelay)
	defer cancel()
	r.all(last)
}

// all sends until nothing is left. False after a failure: the events are safe in the outbox.
func (r *Relay) all(ctx context.Context) bool {
	for {
		claimed, err := r.batch(ctx)
		if err != nil && ctx.Err() == nil {
			slog.Warn("event_not_published", "error", err)
			r.mu.Lock()
			r.stats.PublishErrors++
			r.stats.LastPublishError = err.Error()
			r.mu.Unlock()
		}
		if err != nil || claimed == 0 {
			return err == nil
		}
	}
}

func (r *Relay) batch(ctx context.Context) (claimed int, failure error) {
	sent := []int64{}
	err := r.database.read(ctx, func(ctx context.Context, on *pgx.Conn) error {
		return pgx.BeginFunc(ctx, on, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, claimEvents)
			if err != nil {
				return err
			}
			events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[event])
			if err != nil {
				return err
			}
			claimed = len(events)
			until := time.Now().Add(claiming)
			for _, one := range events {
				if time.Now().After(until) {
					break // the rest is for the next claim
				}
				if failure = r.publish(ctx, one); failure != nil {
					break
				}
				sent = append(sent, one.Position)
			}
			_, err = tx.Exec(ctx, removeEvents, sent)
			return err
		})
	})
	if err == nil {
		r.mu.Lock()
		r.stats.Published += len(sent)
		r.mu.Unlock()
	}
	return claimed, errors.Join(err, failure)
}

type event struct {
	Position         int64
	Subject, Headers string
	Body             []byte
}

func (r *Relay) publish(ctx context.Context, e event) error {
	header := map[string]string{}
	if err := json.Unmarshal([]byte(e.Headers), &header); err != nil {
		return err
	}
	message := &nats.Msg{Subject: e.Subject, Header: nats.Header{}, Data: e.Body}
	for name, value := range header {
		message.Header[name] = []string{value}
	}
	ctx, cancel := context.WithTimeout(ctx, storing)
	defer cancel()
	reply, err := r.nc.RequestMsgWithContext(ctx, message)
	if err != nil {
		return err
	}
	var stored struct {
		Seq   uint64
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(reply.Data, &stored); err != nil {
		return err
	}
	if stored.Error != nil || stored.Seq == 0 {
		return errors.New("the stream did not store the event: " + string(reply.Data))
	}
	return nil
}
