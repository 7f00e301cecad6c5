// A worker on nats.go and pgx: a goroutine for each request, so that one does not wait for another.
//
// SERVICE (customers or products), DATABASE_URL, NATS_URL, NATS_USER, NATS_PASSWORD, SUBJECTS.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"northwind/bench/peers/go/contracts"
)

const (
	getCustomer = `SELECT customer_id, company_name, contact_name, contact_title, address, city, region, postal_code,
		country, phone, fax, version, created_at, updated_at, archived_at
		FROM customers WHERE customer_id = $1 AND archived_at IS NULL`
	listProducts = `SELECT product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price::text,
		units_in_stock, units_on_order, reorder_level, discontinued, version, created_at, updated_at
		FROM products WHERE product_id > $1 ORDER BY product_id LIMIT $2`
	listProductsOfCategory = `SELECT product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price::text,
		units_in_stock, units_on_order, reorder_level, discontinued, version, created_at, updated_at
		FROM products WHERE product_id > $1 AND category_id = $3 ORDER BY product_id LIMIT $2`
)

// refusal is an error that the caller hears, with HTTP's status in front.
type refusal string

func (r refusal) Error() string { return string(r) }

type worker struct{ pool *pgxpool.Pool }

func main() {
	configuration, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	configuration.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(context.Background(), configuration)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	service, user := os.Getenv("SERVICE"), os.Getenv("NATS_USER")
	connection, err := nats.Connect(
		os.Getenv("NATS_URL"),
		nats.UserInfo(user, os.Getenv("NATS_PASSWORD")),
		nats.CustomInboxPrefix("_INBOX_"+user),
	)
	if err != nil {
		log.Fatal(err)
	}
	w := &worker{pool}
	subject, handle := "customers."+os.Getenv("SUBJECTS")+".get", w.customer
	if service == "products" {
		subject, handle = "products."+os.Getenv("SUBJECTS")+".list", w.products
	}
	if _, err := connection.QueueSubscribe(subject, "q", func(message *nats.Msg) { go answer(message, handle) }); err != nil {
		log.Fatal(err)
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	<-stop.Done()
	if err := connection.Drain(); err != nil {
		log.Print(err)
	}
}

func answer(message *nats.Msg, handle func(context.Context, []byte) (any, error)) {
	within, cancel := context.WithTimeout(context.Background(), 3500*time.Millisecond)
	defer cancel()
	reply := nats.NewMsg(message.Reply)
	found, err := handle(within, message.Data)
	if err == nil {
		reply.Data, err = json.Marshal(found)
	}
	if err != nil {
		var refused refusal
		if !errors.As(err, &refused) {
			log.Print(err)
			refused = "502 internal error"
		}
		reply.Header.Set("Error", string(refused))
		reply.Data = []byte(refused)
	}
	if err := message.RespondMsg(reply); err != nil {
		log.Print(err)
	}
}

func (w *worker) customer(within context.Context, payload []byte) (any, error) {
	var asked contracts.GetCustomer
	if json.Unmarshal(payload, &asked) != nil || asked.Validate() != nil {
		return nil, refusal("422 invalid request")
	}
	rows, err := w.pool.Query(within, getCustomer, asked.CustomerID)
	if err != nil {
		return nil, err
	}
	customer, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[contracts.Customer])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, refusal("404 not found")
	}
	return customer, err
}

func (w *worker) products(within context.Context, payload []byte) (any, error) {
	var asked contracts.ListProducts
	if json.Unmarshal(payload, &asked) != nil || asked.Validate() != nil {
		return nil, refusal("422 invalid request")
	}
	after := 0
	if asked.Cursor != nil {
		text, err := base64.RawURLEncoding.DecodeString(*asked.Cursor)
		if err == nil {
			after, err = strconv.Atoi(string(text))
		}
		if err != nil {
			return nil, refusal("422 invalid cursor")
		}
	}
	query, values := listProducts, []any{after, asked.Limit + 1}
	if asked.CategoryID != nil {
		query, values = listProductsOfCategory, append(values, *asked.CategoryID)
	}
	rows, err := w.pool.Query(within, query, values...)
	if err != nil {
		return nil, err
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByPos[contracts.Product])
	if err != nil || len(items) <= asked.Limit {
		return contracts.ProductPage{Items: items}, err
	}
	items = items[:asked.Limit]
	cursor := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(items[asked.Limit-1].ProductID)))
	return contracts.ProductPage{Items: items, NextCursor: &cursor}, nil
}
