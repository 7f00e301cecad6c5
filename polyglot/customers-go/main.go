// Command customers serves customers.* on NATS (docs/reference/wire.md). Its settings are environment variables.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"example.com/customers/contracts"
	"example.com/customers/customers"
	"example.com/customers/mesh"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

const name = "customers"

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: asEverywhere})))
	if err := run(); err != nil {
		slog.Error("service_failed", "error", err)
		os.Exit(1)
	}
}

// asEverywhere names a line's event like all workers of the mesh do.
func asEverywhere(_ []string, attribute slog.Attr) slog.Attr {
	if attribute.Key == slog.MessageKey {
		attribute.Key = "event"
	}
	return attribute
}

func run() error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	ctx, fail := context.WithCancelCause(stop)
	nc, err := connect(fail)
	if err != nil {
		return err
	}
	defer nc.Close()
	database, err := customers.Open(ctx, os.Getenv("CUSTOMERS_DATABASE_URL"), integer("CUSTOMERS_POOL_SIZE", 10))
	if err != nil {
		return fmt.Errorf("CUSTOMERS_DATABASE_URL: %w", err)
	}
	defer database.Close()

	service := mesh.NewService(nc, name, "Northwind's customers", integer("MESH_CONCURRENCY", 64), integer("MESH_QUEUE_SIZE", 256))
	service.Verify = (&mesh.Verifier{
		Issuer:       text("TOKEN_ISSUER", "northwind-mesh"),
		Audience:     text("TOKEN_AUDIENCE", "northwind-mesh"),
		RefetchAfter: time.Duration(integer("TOKEN_KEYS_REFETCH_AFTER", 60)) * time.Second,
		Fetch:        func(ctx context.Context) (mesh.Keys, error) { return fetchKeys(ctx, nc) },
	}).Verify
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		switch subject := mesh.RefusedSubject(err); {
		case subject == "":
			slog.Warn("nats_error", "error", err)
		case !service.Refuse(subject): // it is silent, and nobody would find this worker
			fail(fmt.Errorf("NATS refuses a subscription: %w", err))
		}
	})
	relay := customers.NewRelay(database, nc)
	service.Statistics = relay.Statistics
	customers.Serve(service, database)

	relaying, end := context.WithCancel(context.Background())
	var relayed sync.WaitGroup
	relayed.Go(func() { relay.Run(relaying) })
	go database.Expire(relaying)
	err = service.Monitor(ctx, database.Probe)
	service.Drain() // first the requests, then the events that they wrote
	end()
	relayed.Wait()
	if cause := context.Cause(ctx); stop.Err() == nil && cause != nil {
		return cause
	}
	return err
}

// connect tries for as long as NATS is starting. Later `fail` ends the process: a closed connection stays closed.
func connect(fail context.CancelCauseFunc) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name(name), nats.CustomInboxPrefix("_INBOX_" + name), nats.MaxReconnects(-1),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.ReconnectBufSize(-1), // what cannot be sent now fails now: deadlines guard the rest
		nats.RetryOnFailedConnect(false), nats.Timeout(time.Duration(integer("NATS_CONNECT_TIMEOUT", 10)) * time.Second),
		nats.ClosedHandler(func(*nats.Conn) { fail(errors.New("the connection to NATS is closed")) }),
	}
	if file := os.Getenv("NATS_NKEY_SEED_FILE"); file != "" {
		seed, err := nats.NkeyOptionFromSeed(file)
		if err != nil {
			return nil, fmt.Errorf("NATS_NKEY_SEED_FILE: %w", err)
		}
		options = append(options, seed)
	}
	if user := os.Getenv("NATS_USER"); user != "" {
		options = append(options, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")))
	}
	if ca := os.Getenv("NATS_TLS_CA"); ca != "" {
		options = append(options, nats.RootCAs(ca))
	}
	if certificate := os.Getenv("NATS_TLS_CERT"); certificate != "" {
		options = append(options, nats.ClientCert(certificate, os.Getenv("NATS_TLS_KEY")))
	}
	return nats.Connect(text("NATS_URL", nats.DefaultURL), options...)
}

func fetchKeys(ctx context.Context, nc *nats.Conn) (mesh.Keys, error) {
	message := nats.NewMsg(contracts.EndpointAuthJwks.Subject)
	message.Data = []byte("{}")
	if deadline, ok := ctx.Deadline(); ok {
		now := time.Now()
		left := deadline.Sub(now).Milliseconds()
		message.Header.Set("Request-Timeout", strconv.FormatInt(left, 10))
		message.Header.Set("Request-Deadline", strconv.FormatInt(now.UnixMilli()+left, 10))
	}
	reply, err := nc.RequestMsgWithContext(ctx, message)
	if err != nil {
		return nil, err
	}
	if code := reply.Header.Get(micro.ErrorCodeHeader); code != "" {
		return nil, errors.New("auth.jwks answers " + code)
	}
	return mesh.ReadKeys(reply.Data)
}

func text(variable, usual string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return usual
}

func integer(variable string, usual int) int {
	value, err := strconv.Atoi(text(variable, strconv.Itoa(usual)))
	if err != nil || value < 0 {
		slog.Error("wrong_setting", "variable", variable, "must", "be a whole number")
		os.Exit(2)
	}
	return value
}
