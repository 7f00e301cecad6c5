package mesh

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/customers/contracts"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"
	"github.com/oapi-codegen/nullable"
)

const (
	inboxes    = "_INBOX_"
	queueGroup = micro.DefaultQueueGroup // "q"; the server permits no other one
	flushing   = 2 * time.Second
	leaving    = 5 * time.Second
)

// Call is what a handler may know of its request besides the arguments.
type Call struct {
	Subject     string
	Payload     jsontext.Value
	RequestID   string
	Traceparent string // empty unless the caller traces
	Key         string // of an endpoint that keeps Idempotency-Keys; empty if there is none
	Caller      Caller // of an endpoint that is verified
}

type callKey struct{}

// CallOf is the call that the context belongs to.
func CallOf(ctx context.Context) *Call { return ctx.Value(callKey{}).(*Call) }

type endpoint struct {
	contracts.Endpoint[any, any]
	metadata map[string]string
	answer   func(ctx context.Context, payload jsontext.Value) ([]byte, error)
	check    func(payload jsontext.Value) error
	mu       sync.Mutex
	stats    micro.EndpointStats
}

// Service answers endpoints. It runs Concurrency handlers at once and lets QueueSize requests wait; it refuses others.
type Service struct {
	Verify     func(ctx context.Context, authorization string) (Caller, error)
	Statistics func() any // the `data` of a STATS document

	nc          *nats.Conn
	identity    micro.ServiceIdentity
	description string
	started     time.Time
	endpoints   []*endpoint
	slots       chan struct{}
	mostAtOnce  int64
	accepted    atomic.Int64 // requests that run or wait
	answers     sync.WaitGroup
	clocks      clocks
	state       state
}

// NewService makes a service that is not ready: see Monitor.
func NewService(nc *nats.Conn, name, description string, concurrency, queueSize int) *Service {
	return &Service{
		nc:          nc,
		identity:    micro.ServiceIdentity{Name: name, ID: nuid.Next(), Version: contracts.Version},
		description: description,
		started:     time.Now(),
		slots:       make(chan struct{}, concurrency),
		mostAtOnce:  int64(concurrency + queueSize),
		clocks:      clocks{callers: map[string]*ages{}},
		state:       state{absence: subscribing, isNew: true},
	}
}

// Handle answers the endpoint with the handler.
func Handle[Req, Rep any](s *Service, declared contracts.Endpoint[Req, Rep], handler func(context.Context, Req) (Rep, error)) {
	schema := schemaOf(reflect.TypeFor[Req]())
	s.endpoints = append(s.endpoints, &endpoint{
		Endpoint: contracts.Endpoint[any, any](declared),
		metadata: map[string]string{
			"contract": declared.Contract, "access": declared.Access, "idempotent": fmt.Sprint(declared.Idempotent),
			"timeout_ms": fmt.Sprint(declared.Timeout.Milliseconds()), "max_request": fmt.Sprint(declared.MaxRequest),
		},
		stats: micro.EndpointStats{Name: nameOf(declared.Subject), Subject: declared.Subject, QueueGroup: queueGroup},
		check: func(payload jsontext.Value) error { return validate(payload, schema) },
		answer: func(ctx context.Context, payload jsontext.Value) ([]byte, error) {
			var request Req
			if err := stdjson.Unmarshal(payload, &request); err != nil {
				return nil, fmt.Errorf("the payload fits the schema and not %T: %w", request, err)
			}
			reply, err := handler(ctx, request)
			if err != nil {
				return nil, err
			}
			return Encode(reply)
		},
	})
}

// Encode writes a reply as every worker does: compact, and with six digits of a second or none (W-VAL-8).
func Encode(reply any) (jsontext.Value, error) {
	return json.Marshal(reply, json.WithMarshalers(timestamps))
}

var timestamps = json.JoinMarshalers(
	json.MarshalFunc(func(at nullable.Nullable[time.Time]) ([]byte, error) {
		if !at.IsSpecified() || at.IsNull() {
			return []byte("null"), nil
		}
		return timestamp(at.MustGet())
	}),
	json.MarshalFunc(timestamp),
)

func timestamp(at time.Time) ([]byte, error) {
	layout := `"2006-01-02T15:04:05.000000Z"`
	if at.Nanosecond() == 0 {
		layout = `"2006-01-02T15:04:05Z"`
	}
	return []byte(at.UTC().Format(layout)), nil
}

func (s *Service) accept(e *endpoint, message *nats.Msg) {
	if !strings.HasPrefix(message.Reply, inboxes) {
		slog.Warn("request_without_inbox", "subject", message.Subject) // an answer could be published anywhere
		return
	}
	read, readable := readHeaders(message)
	call := &Call{Subject: e.Subject, Payload: message.Data, RequestID: read.requestID()}
	if traceparents.MatchString(read[traceparentHeader]) {
		call.Traceparent = read[traceparentHeader]
	}
	if len(message.Data) > e.MaxRequest {
		detail := fmt.Sprintf("a request to %s has at most %d bytes", e.Subject, e.MaxRequest)
		s.finish(e, message, call, nil, &Fault{Code: PayloadTooLarge, Reason: "request_too_large", Detail: detail}, 0)
		return
	}
	if s.accepted.Add(1) > s.mostAtOnce {
		s.accepted.Add(-1)
		s.finish(e, message, call, nil, &Fault{Code: Overloaded, Reason: "queue_full", Detail: "the queue is full"}, 0)
		return
	}
	received := s.now()
	left, err := e.Timeout, error(nil)
	if readable {
		left, err = read.timeLeft(e.Timeout, received, func(sent time.Time) time.Duration {
			return s.clocks.waited(message.Reply, message.Subject, sent, received)
		})
		if key, wrong := read.idempotencyKey(); e.Keyed && err == nil {
			call.Key, err = key, wrong
		}
	} else {
		err = &Fault{Code: InvalidArgument, Reason: "invalid_header", Detail: "the headers cannot be read"}
	}
	if err != nil {
		left = e.Timeout // the fault is the answer, not a deadline that could not be read
	}
	s.answers.Add(1)
	go s.work(e, message, call, read, time.Now().Add(left), err)
}

// now follows the monotonic clock: setting the machine's clock changes nothing.
func (s *Service) now() time.Time { return s.started.Add(time.Since(s.started)).Round(0) }

func (s *Service) work(e *endpoint, message *nats.Msg, call *Call, read headers, deadline time.Time, err error) {
	defer s.answers.Done()
	defer s.accepted.Add(-1)
	ctx, cancel := context.WithDeadline(context.WithValue(context.Background(), callKey{}, call), deadline)
	defer cancel()
	var body []byte
	var took time.Duration
	select {
	case s.slots <- struct{}{}:
		began := time.Now()
		if err == nil {
			body, err = s.reply(ctx, e, call, read)
		}
		took = time.Since(began)
		<-s.slots
	case <-ctx.Done():
	}
	if ctx.Err() != nil && (body == nil || err != nil) {
		err = deadlinePassed
	}
	s.finish(e, message, call, body, err, took)
}

// reply follows the order of W-REQ-2.
func (s *Service) reply(ctx context.Context, e *endpoint, call *Call, read headers) (body []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(call.Payload) == 0 {
		call.Payload = jsontext.Value("{}")
	}
	if err := e.check(call.Payload); err != nil {
		return nil, err
	}
	if e.Verified {
		authorization, given := read[authorizationHeader]
		if !given {
			return nil, &Fault{Code: Unauthenticated, Reason: "token_required", Detail: "an access token is required"}
		}
		if call.Caller, err = s.Verify(ctx, authorization); err != nil {
			return nil, err
		}
		if !call.Caller.may(e.Access) {
			detail := "the role " + strings.ToUpper(e.Access) + " is required"
			return nil, &Fault{Code: PermissionDenied, Reason: "role_required", Detail: detail}
		}
	}
	return e.answer(ctx, call.Payload)
}

func (s *Service) finish(e *endpoint, message *nats.Msg, call *Call, body []byte, err error, took time.Duration) {
	log := slog.With("subject", e.Subject, "request_id", call.RequestID)
	if traced := traceparents.FindStringSubmatch(call.Traceparent); traced != nil {
		log = log.With("trace_id", traced[1])
	}
	header, outcome := nats.Header{requestIDHeader: {call.RequestID}}, Code("ok")
	if err != nil {
		var fault *Fault
		if !errors.As(err, &fault) {
			log.Error("handler_failed", "error", err)
			fault = internalError
		}
		header, body = fault.reply(call.RequestID)
		outcome, err = fault.Code, fault
	}
	if lost := s.nc.PublishMsg(&nats.Msg{Subject: message.Reply, Header: header, Data: body}); lost != nil {
		log.Warn("reply_not_sent", "error", lost)
	}
	log.Info("request", "outcome", outcome, "ms", float64(took.Microseconds())/1000)
	e.count(took, err)
}

func (e *endpoint) count(took time.Duration, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.NumRequests++
	e.stats.ProcessingTime += took
	e.stats.AverageProcessingTime = e.stats.ProcessingTime / time.Duration(e.stats.NumRequests)
	if err != nil {
		e.stats.NumErrors++
		e.stats.LastError = err.Error()
	}
}

// Drain accepts nothing new, and answers all that was accepted.
func (s *Service) Drain() {
	s.state.stop(s)
	s.answers.Wait()
	if err := s.nc.FlushTimeout(flushing); err != nil {
		slog.Warn("drained_without_nats", "error", err)
	}
}
