// The gateway, the way the documentation of net/http, golang-jwt and nats.go shows it.
//
// PORT, JWKS (a JWK set as JSON), NATS_URL, NATS_USER, NATS_PASSWORD, SUBJECTS (the second token of every subject).
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"northwind/bench/peers/go/contracts"
)

type gateway struct {
	nats     *nats.Conn
	keys     map[string]ed25519.PublicKey
	parser   *jwt.Parser
	subjects string
}

// claims are all that an access token must have.
type claims struct {
	jwt.RegisteredClaims
	SID   string   `json:"sid"`
	Roles []string `json:"roles"`
}

func (c claims) Validate() error {
	if c.Subject == "" || c.ID == "" || c.SID == "" || c.Roles == nil || c.IssuedAt == nil || c.NotBefore == nil {
		return errors.New("a claim is missing")
	}
	return nil
}

type requestID struct{}

func main() {
	keys, err := publicKeys(os.Getenv("JWKS"))
	if err != nil {
		log.Fatal(err)
	}
	user := os.Getenv("NATS_USER")
	connection, err := nats.Connect(
		os.Getenv("NATS_URL"),
		nats.UserInfo(user, os.Getenv("NATS_PASSWORD")),
		nats.CustomInboxPrefix("_INBOX_"+user),
	)
	if err != nil {
		log.Fatal(err)
	}
	g := &gateway{
		nats: connection,
		keys: keys,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"EdDSA"}),
			jwt.WithIssuer("northwind-mesh"),
			jwt.WithAudience("northwind-mesh"),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(30*time.Second),
		),
		subjects: os.Getenv("SUBJECTS"),
	}
	routes := http.NewServeMux()
	routes.Handle("GET /v1/customers/{customer_id}", g.guarded(http.HandlerFunc(g.getCustomer)))
	routes.HandleFunc("GET /v1/products", g.listProducts)
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { write(w, map[string]string{"status": "ok"}) })

	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: logged(routes), ReadHeaderTimeout: 10 * time.Second}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-stop.Done()
	if err := server.Shutdown(context.Background()); err != nil {
		log.Print(err)
	}
	connection.Close()
}

func publicKeys(jwks string) (map[string]ed25519.PublicKey, error) {
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
			X   string `json:"x"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(jwks), &set); err != nil {
		return nil, err
	}
	keys := make(map[string]ed25519.PublicKey)
	for _, key := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		if err != nil {
			return nil, err
		}
		keys[key.KID] = x
	}
	return keys, nil
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// logged gives each request an id, and writes a line about each.
func logged(next http.Handler) http.Handler {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get("X-Request-Id")
		if id == "" {
			id = uuid.NewString()
		}
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		told := &statusWriter{w, http.StatusOK}
		next.ServeHTTP(told, r.WithContext(context.WithValue(r.Context(), requestID{}, id)))
		logger.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("id", id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Int("status", told.status), slog.Duration("duration", time.Since(began)))
	})
}

// guarded lets those pass who bring a valid access token.
func (g *gateway) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") {
			http.Error(w, "an access token is required", http.StatusUnauthorized)
			return
		}
		if _, err := g.parser.ParseWithClaims(token, &claims{}, g.key); err != nil {
			http.Error(w, "the access token is not valid", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *gateway) key(token *jwt.Token) (any, error) {
	if token.Header["typ"] != "at+jwt" {
		return nil, errors.New("not an access token")
	}
	kid, _ := token.Header["kid"].(string)
	key, known := g.keys[kid]
	if !known {
		return nil, errors.New("no such key")
	}
	return key, nil
}

func (g *gateway) getCustomer(w http.ResponseWriter, r *http.Request) {
	asked := contracts.GetCustomer{CustomerID: r.PathValue("customer_id")}
	if err := asked.Validate(); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	var customer contracts.Customer
	if g.call(w, r, "customers."+g.subjects+".get", asked, &customer) {
		w.Header().Set("ETag", strconv.Quote(strconv.Itoa(customer.Version)))
		write(w, customer.ShownCustomer)
	}
}

func (g *gateway) listProducts(w http.ResponseWriter, r *http.Request) {
	asked, err := listProducts(r)
	if err == nil {
		err = asked.Validate()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	var page contracts.ProductPage
	if g.call(w, r, "products."+g.subjects+".list", asked, &page) {
		write(w, page)
	}
}

func listProducts(r *http.Request) (contracts.ListProducts, error) {
	query, asked := r.URL.Query(), contracts.ListProducts{Limit: 50}
	if query.Has("category_id") {
		id, err := strconv.Atoi(query.Get("category_id"))
		if err != nil {
			return asked, err
		}
		asked.CategoryID = &id
	}
	if query.Has("limit") {
		limit, err := strconv.Atoi(query.Get("limit"))
		if err != nil {
			return asked, err
		}
		asked.Limit = limit
	}
	if query.Has("cursor") {
		cursor := query.Get("cursor")
		asked.Cursor = &cursor
	}
	return asked, nil
}

// call asks a worker, and reads its reply; where there is none that can be read, it answers the client and returns false.
func (g *gateway) call(w http.ResponseWriter, r *http.Request, subject string, request, reply any) bool {
	payload, err := json.Marshal(request)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return false
	}
	message := nats.NewMsg(subject)
	message.Data = payload
	id, _ := r.Context().Value(requestID{}).(string)
	message.Header.Set("X-Request-Id", id)
	within, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	answer, err := g.nats.RequestMsgWithContext(within, message)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		http.Error(w, "nobody answers", http.StatusServiceUnavailable)
		return false
	case err != nil:
		http.Error(w, "no answer in time", http.StatusGatewayTimeout)
		return false
	}
	if problem := answer.Header.Get("Error"); problem != "" {
		code, detail, _ := strings.Cut(problem, " ")
		status, err := strconv.Atoi(code)
		if err != nil {
			status = http.StatusBadGateway
		}
		http.Error(w, detail, status)
		return false
	}
	if err := json.Unmarshal(answer.Data, reply); err != nil {
		http.Error(w, "internal error", http.StatusBadGateway)
		return false
	}
	return true
}

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}
