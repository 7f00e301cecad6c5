// Package mesh is the wire contract (docs/reference/wire.md) for a worker: requests, errors, deadlines, tokens, discovery.
package mesh

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// A Code says what went wrong; it decides the HTTP status.
type Code string

// The codes that a worker of customers answers with.
const (
	InvalidArgument  Code = "invalid_argument"
	Unauthenticated  Code = "unauthenticated"
	PermissionDenied Code = "permission_denied"
	NotFound         Code = "not_found"
	Conflict         Code = "conflict"
	PayloadTooLarge  Code = "payload_too_large"
	Overloaded       Code = "overloaded"
	DeadlineExceeded Code = "deadline_exceeded"
	Internal         Code = "internal"
)

var codes = map[Code]struct {
	number int
	title  string
}{
	InvalidArgument:  {422, "Invalid argument"},
	Unauthenticated:  {401, "Authentication needed"},
	PermissionDenied: {403, "Permission denied"},
	NotFound:         {404, "Not found"},
	Conflict:         {409, "Conflict"},
	PayloadTooLarge:  {413, "Payload too large"},
	Overloaded:       {503, "Temporarily unavailable"},
	DeadlineExceeded: {504, "Deadline exceeded"},
	Internal:         {500, "Internal error"},
}

// FieldError says what is wrong with one field, without its value.
type FieldError struct {
	Field   string `json:"field"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Fault is an error that its caller is meant to see. Reason is for programs, Detail for people.
type Fault struct {
	Code           Code
	Reason         string
	Detail         string
	Fields         []FieldError
	CurrentVersion int // of a row that has another version than expected; 0 for none
}

func (f *Fault) Error() string { return strconv.Itoa(codes[f.Code].number) + ": " + f.Detail }

// WrongField is the fault for one field.
func WrongField(field, reason, message string) *Fault {
	return &Fault{Code: InvalidArgument, Reason: reason, Detail: field + ": " + message, Fields: []FieldError{{field, reason, message}}}
}

var (
	deadlinePassed = &Fault{Code: DeadlineExceeded, Reason: "deadline_exceeded", Detail: "the deadline passed"}
	internalError  = &Fault{Code: Internal, Reason: "internal", Detail: "internal error"}
)

// reply makes the RFC 9457 problem, and the headers that mark an error.
func (f *Fault) reply(requestID string) (nats.Header, []byte) {
	code := codes[f.Code]
	fields := f.Fields
	if fields == nil {
		fields = []FieldError{}
	}
	body, _ := json.Marshal(struct {
		Type      string       `json:"type"`
		Title     string       `json:"title"`
		Status    int          `json:"status"`
		Code      Code         `json:"code"`
		Reason    string       `json:"reason"`
		Detail    string       `json:"detail"`
		Retryable bool         `json:"retryable"`
		Errors    []FieldError `json:"errors"`
		RequestID string       `json:"request_id"`
		Version   int          `json:"current_version,omitempty"`
	}{
		"urn:northwind-mesh:problem:" + string(f.Code), code.title, code.number, f.Code, f.Reason, f.Detail,
		f.Code == Overloaded || f.Code == DeadlineExceeded, fields, requestID, f.CurrentVersion,
	})
	return nats.Header{
		micro.ErrorCodeHeader: {strconv.Itoa(code.number)},
		micro.ErrorHeader:     {oneLine(f.Detail)},
		"Content-Type":        {"application/problem+json"},
		requestIDHeader:       {requestID},
	}, body
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
