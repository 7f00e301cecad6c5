package mesh

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"example.com/customers/contracts"
	"example.com/customers/internal/vectors"
	"github.com/nats-io/nats.go"
	"golang.org/x/text/unicode/rangetable"
)

// Requests of other services count too, for what they say of JSON; not those with a format that no customer has.
var shapes = map[string]reflect.Type{
	"customers.list":     reflect.TypeFor[contracts.ListCustomers](),
	"customers.get":      reflect.TypeFor[contracts.GetCustomer](),
	"customers.get_many": reflect.TypeFor[contracts.GetCustomers](),
	"customers.update":   reflect.TypeFor[contracts.UpdateCustomer](),
	"products.get":       reflect.TypeFor[contracts.GetProduct](),
	"products.get_many":  reflect.TypeFor[contracts.GetProducts](),
	"orders.place":       reflect.TypeFor[contracts.PlaceOrder](),
}

func TestJSONIsReadAsEveryWorkerReadsIt(t *testing.T) {
	read := vectors.Read[struct {
		Cases []struct {
			Why, Subject, Payload, Hex string
			Reason                     string
			Errors                     [][2]string
		}
	}](t, "json.json")
	tried := 0
	for _, one := range read.Cases {
		shape, known := shapes[one.Subject]
		if !known {
			continue
		}
		tried++
		payload := []byte(one.Payload)
		if one.Hex != "" {
			payload, _ = hex.DecodeString(one.Hex)
		}
		if len(payload) == 0 {
			payload = []byte("{}")
		}
		reason, fields := "", [][2]string{}
		if fault, refused := validate(payload, schemaOf(shape)).(*Fault); refused {
			reason = fault.Reason
			for _, field := range fault.Fields {
				fields = append(fields, [2]string{field.Field, field.Reason})
			}
		}
		if reason != one.Reason || !slices.Equal(fields, one.Errors) {
			t.Errorf("%s: %s %v, not %s %v", one.Why, reason, fields, one.Reason, one.Errors)
		}
	}
	if tried < 90 {
		t.Error("too few cases:", tried)
	}
}

func TestTextsOfNothingButBlanksAreThose(t *testing.T) {
	read := vectors.Read[struct{ Blank [][2]string }](t, "blank.json")
	listed := map[rune]bool{}
	for _, ends := range read.Blank {
		for r := codePoint(t, ends[0]); r <= codePoint(t, ends[1]); r++ {
			listed[r] = true
		}
	}
	assigned := rangetable.Assigned("13.0.0") // newer ones may differ
	for r := rune(0); r <= 0x10FFFF; r++ {
		if blank(r) != listed[r] && unicode.Is(assigned, r) {
			t.Errorf("U+%04X: %v, not %v", r, blank(r), listed[r])
		}
	}
}

func TestTheSchemasAreTheExportedOnes(t *testing.T) {
	exported, err := os.ReadFile("../../../docs/contracts/schemas.json")
	if err != nil || string(exported) != string(schemas) {
		t.Error("go generate ./mesh, please:", err)
	}
}

func TestEveryPatternIsPortable(t *testing.T) { // W-VAL-10
	var document any
	if err := json.Unmarshal(schemas, &document); err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(any)
	walk = func(value any) {
		switch one := value.(type) {
		case map[string]any:
			if pattern, is := one["pattern"].(string); is {
				count++
				if _, err := regexp.Compile(pattern); err != nil {
					t.Error(err)
				}
			}
			for _, member := range one {
				walk(member)
			}
		case []any:
			for _, item := range one {
				walk(item)
			}
		}
	}
	walk(document)
	if count < 100 {
		t.Errorf("%d patterns", count)
	}
}

func TestHeadersAreRead(t *testing.T) {
	read := vectors.Read[struct {
		Cases []struct {
			Why, Block, Hex  string
			Headers, Lenient map[string]string
		}
	}](t, "headers.json")
	for _, one := range read.Cases {
		block := []byte(one.Block)
		if one.Hex != "" {
			block, _ = hex.DecodeString(one.Hex)
		}
		header, err := nats.DecodeHeadersMsg(block)
		found, readable := headers(nil), false
		if err == nil {
			found, readable = readHeaders(&nats.Msg{Header: header})
		}
		expected := one.Headers
		if one.Lenient != nil { // nats.go does not pass the block on as it came: W-HDR-7
			expected = one.Lenient
		}
		same := readable == (expected != nil)
		for name, value := range expected {
			if own := canonical(name); own != "" && readable {
				same = same && found[own] == value
			}
		}
		if !same {
			t.Errorf("%s: %v %v", one.Why, found, readable)
		}
	}
}

func TestRequestIDsAreKeptOrReplaced(t *testing.T) {
	read := vectors.Read[struct {
		Cases []struct {
			Why, ID string
			Kept    bool
		}
	}](t, "request_ids.json")
	for _, one := range read.Cases {
		id := headers{requestIDHeader: one.ID}.requestID()
		if (id == one.ID) != one.Kept || !one.Kept && len(id) != 32 {
			t.Errorf("%s: %q", one.Why, id)
		}
	}
}

func TestDeadlinesAreThoseOfEveryWorker(t *testing.T) {
	read := vectors.Read[struct {
		Cases []struct {
			Why       string
			Headers   map[string]string
			TimeoutMS int64  `json:"timeout_ms"`
			NowMS     int64  `json:"now_ms"`
			WaitedMS  int64  `json:"waited_ms"`
			LeftMS    *int64 `json:"left_ms"`
		}
	}](t, "deadlines.json")
	for _, one := range read.Cases {
		waited := func(time.Time) time.Duration { return time.Duration(one.WaitedMS) * time.Millisecond }
		left, err := headers(one.Headers).timeLeft(time.Duration(one.TimeoutMS)*time.Millisecond, time.UnixMilli(one.NowMS), waited)
		if (err != nil) != (one.LeftMS == nil) || err == nil && left.Milliseconds() != *one.LeftMS {
			t.Errorf("%s: %v %v", one.Why, left, err)
		}
	}
}

func TestAWaitIsWhatIsOverTheLeastAge(t *testing.T) {
	c, at := clocks{callers: map[string]*ages{}}, time.Now()
	const hour = time.Hour // by which the caller's clock is behind
	send := func(after, waited time.Duration) time.Duration {
		return c.waited("_INBOX_gateway.a.1", "customers.get", at.Add(after-waited-hour), at.Add(after))
	}
	for i, waits := range [][2]time.Duration{{0, 0}, {time.Second, time.Second}, {300 * time.Millisecond, 300 * time.Millisecond}} {
		if got := send(time.Duration(i)*time.Millisecond, waits[0]); got != waits[1] {
			t.Errorf("%v, not %v", got, waits[1])
		}
	}
}

func TestTokensAreVerifiedAsEverywhere(t *testing.T) {
	read := vectors.Read[struct {
		Key   json.RawMessage
		Cases []struct {
			Why, Authorization string
			Reason             *string
			Caller             *struct {
				Sub   string
				Roles []string
			}
		}
	}](t, "tokens.json")
	keys, err := ReadKeys([]byte(`{"keys":[` + string(read.Key) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	verifier := Verifier{Issuer: "northwind-mesh", Audience: "northwind-mesh", RefetchAfter: time.Minute,
		Fetch: func(context.Context) (Keys, error) { return keys, nil }}
	for _, one := range read.Cases {
		caller, err := verifier.Verify(t.Context(), one.Authorization)
		fault, refused := err.(*Fault)
		switch {
		case refused != (one.Reason != nil), refused && fault.Reason != *one.Reason:
			t.Errorf("%s: %v", one.Why, err)
		case !refused:
			slices.Sort(caller.roles)
			if caller.Subject != one.Caller.Sub || !slices.Equal(caller.roles, one.Caller.Roles) {
				t.Errorf("%s: %v", one.Why, caller)
			}
		}
	}
}

func TestALaterInstanceYieldsToAnExclusiveOne(t *testing.T) {
	poll := []byte(`{"instances":[{"id":"z","pool":"exclusive"},{"id":"b","pool":"shared"}]}`)
	s := state{isNew: true, serving: []*nats.Subscription{{}}}
	s.hear(poll, "m")
	if _, ready := s.reason(); ready {
		t.Error("it is ready beside an instance that came before")
	}
	s.hear([]byte(`{"instances":[]}`), "m")
	s.hear(poll, "m")
	if _, ready := s.reason(); !ready {
		t.Error("it yields to a later one with a greater id")
	}
}

func TestItIsReadyOnlyOnceItHasRejoined(t *testing.T) {
	s := state{}
	if reason, ready := s.reason(); ready || reason != subscribing {
		t.Error("it is ready without a subscription:", reason)
	}
	s.serving = []*nats.Subscription{{}}
	s.refuse("customers.get")
	if reason, ready := s.reason(); ready || reason != subscribing+": NATS refuses customers.get" {
		t.Error("it is ready while NATS refuses an endpoint:", reason)
	}
}

func TestAReplyHasNoEscapeAndSixDigitsOfASecond(t *testing.T) {
	customer := contracts.Customer{CustomerId: "ABCDE", CompanyName: "<&>\u2028\u007f\u0001"}
	customer.City.Set("<\u2029")
	customer.ArchivedAt.Set(time.Date(2026, 11, 30, 17, 28, 33, 120000000, time.FixedZone("", 3600)))
	text, err := Encode(customer)
	for _, part := range []string{`"<&>` + "\u2028\u007f" + `\u0001"`, `"city":"<` + "\u2029" + `"`, `"2026-11-30T16:28:33.120000Z"`} {
		if err != nil || !strings.Contains(string(text), part) {
			t.Error(string(text), err, part)
		}
	}
}

func codePoint(t *testing.T, hexadecimal string) rune {
	t.Helper()
	number, err := strconv.ParseInt(hexadecimal, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return rune(number)
}
