package mesh

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	longestToken = 4096
	leeway       = 30 * time.Second
	keysGoodFor  = 10 * time.Minute
	retryKeys    = time.Second
)

// compact is a JWT with a signature of 64 bytes, whose last character has no spare bits: a token has one spelling.
var compact = regexp.MustCompile(`^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{85}[AQgw])$`)

// Caller is the user of a verified token.
type Caller struct {
	Subject string
	roles   []string
}

func (c Caller) may(access string) bool {
	switch access {
	case "anyone":
		return true
	case "user":
		return slices.Contains(c.roles, "USER") || slices.Contains(c.roles, "ADMIN")
	}
	return slices.Contains(c.roles, "ADMIN")
}

// Keys are public keys by their `kid`.
type Keys map[string]ed25519.PublicKey

// Verifier verifies access tokens (W-TOK) with keys that it fetches once, every ten minutes, and for an unknown kid.
type Verifier struct {
	Issuer, Audience string
	RefetchAfter     time.Duration // between two fetches for unknown kids
	Fetch            func(context.Context) (Keys, error)

	mu      sync.Mutex
	keys    Keys
	asked   time.Time
	failure error
	pending chan struct{} // closed when the running fetch ends
}

func unauthenticated(reason, detail string) error {
	return &Fault{Code: Unauthenticated, Reason: reason, Detail: detail}
}

// Verify returns the caller of an Authorization header.
func (v *Verifier) Verify(ctx context.Context, authorization string) (Caller, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	parts := compact.FindStringSubmatch(token)
	if !strings.EqualFold(scheme, "bearer") || len(token) > longestToken || parts == nil {
		return Caller{}, unauthenticated("invalid_token", "the Authorization header is not `Bearer <access token>`")
	}
	var header struct {
		Alg, Typ string
		Kid      *string
		Crit     json.RawMessage
	}
	var claims claims
	if !readObject(parts[1], &header) || !readObject(parts[2], &claims) || !claims.complete() || header.Kid == nil ||
		header.Alg != "EdDSA" || header.Typ != "at+jwt" || header.Crit != nil {
		return Caller{}, unauthenticated("invalid_token", "not an access token of this mesh")
	}
	key, err := v.key(ctx, *header.Kid)
	if err != nil {
		return Caller{}, err
	}
	signature, _ := base64.RawURLEncoding.DecodeString(parts[3])
	if !ed25519.Verify(key, []byte(parts[1]+"."+parts[2]), signature) {
		return Caller{}, unauthenticated("invalid_token", "the access token is not valid")
	}
	return v.accepted(claims)
}

type claims struct {
	Iss, Aud, Sub, Sid, Jti *string
	Iat, Nbf, Exp           *int64
	Roles                   *[]*string
}

func (c *claims) complete() bool {
	for _, text := range []*string{c.Iss, c.Aud, c.Sub, c.Sid, c.Jti} {
		if text == nil || *text == "" {
			return false
		}
	}
	return c.Iat != nil && c.Nbf != nil && c.Exp != nil && c.Roles != nil && !slices.Contains(*c.Roles, nil)
}

func (v *Verifier) accepted(c claims) (Caller, error) {
	now := time.Now()
	early, late := now.Add(leeway).Unix(), now.Add(-leeway).Unix()
	if *c.Iss != v.Issuer || *c.Aud != v.Audience || *c.Nbf > early || *c.Iat > early {
		return Caller{}, unauthenticated("invalid_token", "the access token is not valid")
	}
	if *c.Exp <= late {
		return Caller{}, unauthenticated("token_expired", "the access token has expired")
	}
	roles := make([]string, len(*c.Roles))
	for i, role := range *c.Roles {
		roles[i] = *role
	}
	return Caller{*c.Sub, roles}, nil
}

// readObject reads a JSON object by W-JSON. Names count with their case, unlike those of encoding/json.
func readObject(part string, into any) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || !jsontext.Value(text).IsValid() {
		return false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return false
	}
	for name := range members {
		if name != strings.ToLower(name) {
			delete(members, name)
		}
	}
	exact, _ := json.Marshal(members)
	return json.Unmarshal(exact, into) == nil
}

func (v *Verifier) key(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	v.mu.Lock()
	key, known := v.keys[kid]
	rest := v.RefetchAfter
	switch {
	case known:
		rest = keysGoodFor
	case v.failure != nil || v.keys == nil:
		rest = retryKeys
	}
	if v.pending == nil && time.Since(v.asked) >= rest {
		v.asked, v.pending = time.Now(), make(chan struct{})
		go v.fetch(v.pending)
	}
	pending := v.pending
	v.mu.Unlock()
	if !known && pending != nil {
		select {
		case <-pending:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if key, known = v.keys[kid]; known {
		return key, nil
	}
	if v.failure != nil { // the unknown key may be a valid one
		return nil, &Fault{Code: Overloaded, Reason: "dependency_unavailable", Detail: "the keys cannot be fetched"}
	}
	return nil, unauthenticated("invalid_token", "the access token is signed by an unknown key")
}

func (v *Verifier) fetch(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	keys, err := v.Fetch(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failure = err; err == nil {
		v.keys = keys
	} else {
		slog.Warn("keys_not_fetched", "error", err)
	}
	v.pending = nil
	close(done)
}

// ReadKeys reads the reply of `auth.jwks`.
func ReadKeys(body []byte) (Keys, error) {
	var set struct {
		Keys []struct{ Kid, Kty, Crv, X string }
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	keys := Keys{}
	for _, one := range set.Keys {
		if x, err := base64.RawURLEncoding.DecodeString(one.X); err == nil && len(x) == ed25519.PublicKeySize &&
			one.Kty == "OKP" && one.Crv == "Ed25519" {
			keys[one.Kid] = x
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("auth.jwks has no Ed25519 key")
	}
	return keys, nil
}
