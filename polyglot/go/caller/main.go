// Calls the mesh: it reads a customer, meets a problem, and moves the customer to another city.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"example.com/check/contracts"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/oapi-codegen/nullable"
)

// problem is an error that a worker has answered with.
type problem struct{ contracts.Problem }

func (p *problem) Error() string { return fmt.Sprintf("%s: %v", p.Code, p.Detail) }

// call sends a request, and waits as long as the endpoint may take.
func call[Request, Reply any](nc *nats.Conn, endpoint contracts.Endpoint[Request, Reply], request Request, more map[string]string) (reply Reply, err error) {
	message := nats.NewMsg(endpoint.Subject)
	if message.Data, err = json.Marshal(request); err != nil {
		return reply, err
	}
	message.Header.Set("X-Request-Id", uuid.NewString())
	message.Header.Set("Request-Timeout", strconv.FormatInt(endpoint.Timeout.Milliseconds(), 10))
	message.Header.Set("Request-Deadline", strconv.FormatInt(time.Now().Add(endpoint.Timeout).UnixMilli(), 10))
	for name, value := range more {
		message.Header.Set(name, value)
	}
	answer, err := nc.RequestMsg(message, endpoint.Timeout)
	if err != nil {
		return reply, err
	}
	if answer.Header.Get("Nats-Service-Error-Code") != "" {
		failed := &problem{}
		return reply, errors.Join(json.Unmarshal(answer.Data, &failed.Problem), failed)
	}
	return reply, json.Unmarshal(answer.Data, &reply)
}

func show(value any, err error) {
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

func main() {
	seed, err := nats.NkeyOptionFromSeed(os.Getenv("NATS_NKEY_SEED_FILE"))
	if err != nil {
		log.Fatal(err)
	}
	inboxes := nats.CustomInboxPrefix("_INBOX_" + os.Getenv("MESH_CALLER"))
	nc, err := nats.Connect(os.Getenv("NATS_URL"), seed, inboxes, nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	known, unknown, city := os.Args[1], os.Args[2], os.Args[3]

	before, err := call(nc, contracts.EndpointCustomersGet, contracts.GetCustomer{CustomerId: known}, nil)
	show(before, err)
	_, err = call(nc, contracts.EndpointCustomersGet, contracts.GetCustomer{CustomerId: unknown}, nil)
	var failed *problem
	if !errors.As(err, &failed) {
		log.Fatalf("a problem was expected, not %v", err)
	}
	show(failed.Problem, nil)
	update := contracts.UpdateCustomer{
		CustomerId:      known,
		ExpectedVersion: before.Version,
		Patch:           contracts.CustomerPatch{City: nullable.NewNullableWithValue(city)},
	}
	_, err = call(nc, contracts.EndpointCustomersUpdate, update, map[string]string{
		"Authorization":   "Bearer " + os.Getenv("MESH_TOKEN"),
		"Idempotency-Key": uuid.NewString(),
	})
	if err != nil {
		log.Fatal(err)
	}
	show(call(nc, contracts.EndpointCustomersGet, contracts.GetCustomer{CustomerId: known}, nil))
}
