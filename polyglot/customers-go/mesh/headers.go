package mesh

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	requestIDHeader      = "X-Request-Id"
	requestTimeoutHeader = "Request-Timeout"
	deadlineHeader       = "Request-Deadline"
	keyHeader            = "Idempotency-Key"
	authorizationHeader  = "Authorization"
	traceparentHeader    = "traceparent"

	mostHeaders      = 100
	longestHeaders   = 32 * 1024
	headerLineExtras = 4 // a colon, a blank, CRLF
)

var (
	ofTheContract = []string{
		requestIDHeader, requestTimeoutHeader, deadlineHeader, keyHeader, authorizationHeader, traceparentHeader,
		"tracestate", "baggage", "Client-Address",
	}
	headerName   = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_|~`-]+$")
	requestIDs   = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,128}$`)
	milliseconds = regexp.MustCompile(`^[0-9]{1,15}$`)
	keys         = regexp.MustCompile(`^[ -~]{1,255}$`)
	traceparents = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

type headers map[string]string

// readHeaders returns the headers of a message by their names in the contract; false if they are refused (W-HDR).
//
// nats.go passes a message on without its headers if it cannot read them; then only its size tells.
func readHeaders(message *nats.Msg) (headers, bool) {
	if message.Header == nil {
		rest := len(message.Subject) + len(message.Reply) + len(message.Data)
		return nil, message.Size() <= rest
	}
	read, count, size := headers{}, 0, 0
	for name, values := range message.Header {
		own := canonical(name)
		if _, again := read[own]; !headerName.MatchString(name) || own != "" && (again || len(values) > 1) {
			return nil, false
		}
		for _, value := range values {
			count++
			size += len(name) + len(value) + headerLineExtras
		}
		if own != "" {
			read[own] = strings.Trim(string([]rune(values[0])), " \t") // []rune: each wrong byte becomes U+FFFD
		}
	}
	return read, count <= mostHeaders && size <= longestHeaders
}

func canonical(name string) string {
	for _, own := range ofTheContract {
		if strings.EqualFold(own, name) {
			return own
		}
	}
	return ""
}

func (h headers) requestID() string {
	if id := h[requestIDHeader]; requestIDs.MatchString(id) {
		return id
	}
	random := make([]byte, 16)
	rand.Read(random) // never fails
	return hex.EncodeToString(random)
}

func (h headers) idempotencyKey() (string, error) {
	key, given := h[keyHeader]
	if given && !keys.MatchString(key) {
		return "", WrongField(keyHeader, "invalid_header", "must be 1 to 255 printable ASCII characters")
	}
	return key, nil
}

// timeLeft is how long the request may still take (W-DDL). `waited` says how long it was on its way, if its sender
// tells by its own clock when it was sent.
func (h headers) timeLeft(timeout time.Duration, now time.Time, waited func(sent time.Time) time.Duration) (time.Duration, error) {
	given, hasTimeout, err := h.duration(requestTimeoutHeader)
	if err != nil {
		return 0, err
	}
	until, hasDeadline, err := h.duration(deadlineHeader)
	if err != nil {
		return 0, err
	}
	end := time.UnixMilli(until.Milliseconds())
	switch {
	case hasTimeout && hasDeadline:
		given -= waited(end.Add(-given))
	case hasDeadline:
		given = end.Sub(now)
	case !hasTimeout:
		given = timeout
	}
	return min(given, timeout), nil
}

func (h headers) duration(name string) (time.Duration, bool, error) {
	text, given := h[name]
	if !given {
		return 0, false, nil
	}
	if !milliseconds.MatchString(text) {
		return 0, false, WrongField(name, "invalid_header", "must be a whole number of milliseconds")
	}
	number, _ := strconv.ParseInt(text, 10, 64)
	const longest = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(number, longest)) * time.Millisecond, true, nil
}
