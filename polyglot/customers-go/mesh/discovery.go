package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/customers/contracts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// The documents are those of the package micro. Its Service does not fit: it runs one handler at a time or counts
// none, and says the same metadata from its start to its end (docs/guides/workers-in-other-languages.md).

const (
	subscribing  = "not all endpoints are subscribed yet"
	inConflict   = "another instance serves, and one of the two cannot share its state"
	exclusive    = "exclusive"
	probeEvery   = time.Second
	probeSoon    = 200 * time.Millisecond
	probeTimeout = time.Second
	enoughMisses = 2
)

var refusals = regexp.MustCompile(`Subscription to "([^"]+)"`)

// state is whether the service takes requests, and why not.
type state struct {
	mu       sync.Mutex
	absence  string // why it cannot serve
	limit    string // what it cannot do, though it serves
	refused  string // the endpoint that NATS does not let it subscribe to
	conflict bool   // another instance keeps it from serving
	isNew    bool   // it has heard of no other instances
	stopped  bool
	serving  []*nats.Subscription
}

// reason is why the service is not ready, or what it cannot do.
func (s *state) reason() (text string, ready bool) {
	switch {
	case s.absence != "":
		return s.absence, false
	case s.conflict:
		return inConflict, false
	case s.refused != "":
		return subscribing + ": NATS refuses " + s.refused, false
	case s.serving == nil:
		return subscribing, false
	}
	return s.limit, true
}

// Monitor answers discovery, and takes requests while the probe succeeds, until the context ends. The probe returns a
// limit of what can be done, or an error whose text is the reason.
func (s *Service) Monitor(ctx context.Context, probe func(context.Context) (limit string, err error)) error {
	if err := s.discoverable(); err != nil {
		return err
	}
	for misses := 0; ctx.Err() == nil; {
		bounded, cancel := context.WithTimeout(ctx, probeTimeout)
		limit, err := probe(bounded)
		cancel()
		wait := probeEvery
		if err != nil {
			misses++
			wait = probeSoon
		} else {
			misses = 0
		}
		s.state.learn(s, limit, err, misses)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

func (s *state) learn(service *Service, limit string, err error, misses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.absence, s.limit = "", limit
	case misses >= enoughMisses:
		s.absence = err.Error()
	}
	able := s.absence == "" && !s.conflict
	switch {
	case s.stopped:
	case s.serving == nil && able:
		s.join(service)
	case s.serving != nil && (!able || s.refused != ""):
		reason, _ := s.reason()
		slog.Warn("service_paused", "reason", reason)
		s.leave()
	}
}

// join subscribes all endpoints, or none. The one that NATS refused comes first: the others would join the queue group
// and leave it again each time.
func (s *state) join(service *Service) {
	before, tried := service.nc.LastError(), s.refused
	for _, first := range []bool{true, false} {
		for _, e := range service.endpoints {
			if first != (e.Subject == tried) {
				continue
			}
			one, err := service.nc.QueueSubscribe(e.Subject, queueGroup, func(m *nats.Msg) { service.accept(e, m) })
			if err != nil {
				s.failed(err)
				return
			}
			s.serving = append(s.serving, one)
		}
		if err := service.nc.FlushTimeout(flushing); err != nil {
			s.failed(err)
			return
		}
		if err := service.nc.LastError(); err != before && RefusedSubject(err) != "" { // NATS says it before it confirms
			s.refuse(RefusedSubject(err))
			s.leave()
			return
		}
	}
	s.refused = ""
	slog.Info("service_ready", "service", service.identity.Name, "id", service.identity.ID, "limit", s.limit)
}

// failed leaves what was joined: NATS is away, and the next round tries again.
func (s *state) failed(err error) {
	slog.Warn("health_monitor_failed", "error", err)
	s.leave()
}

func (s *state) refuse(subject string) {
	if s.refused == "" { // one line, not one per retry
		slog.Error("service_refused", "subject", subject)
	}
	s.refused = subject
}

// RefusedSubject is what NATS does not let this process subscribe to; empty for any other error.
func RefusedSubject(err error) string {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return ""
	}
	if found := refusals.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return ""
}

// Refuse notes that NATS has withdrawn the subscription to an endpoint. It says whether the subject is one.
func (s *Service) Refuse(subject string) bool {
	if !slices.ContainsFunc(s.endpoints, func(e *endpoint) bool { return e.Subject == subject }) {
		return false
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.refuse(subject)
	return true
}

// leave waits until all that the server has sent is accepted: Drain of nats.go unsubscribes and flushes.
func (s *state) leave() {
	var left sync.WaitGroup
	for _, one := range s.serving {
		left.Add(1)
		one.SetClosedHandler(func(string) { left.Done() })
		if err := one.Drain(); err != nil {
			slog.Warn("unsubscribe_failed", "error", err)
		}
	}
	s.serving = nil
	done := make(chan struct{})
	go func() { left.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(leaving): // the connection is gone, and so are the messages
	}
}

func (s *state) stop(*Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.absence = true, subscribing
	s.leave()
}

// hear learns from a poll which instances are ready (W-POOL-3).
func (s *state) hear(body []byte, own string) {
	var poll struct {
		Instances []struct{ ID, Pool string } `json:"instances"`
	}
	if json.Unmarshal(body, &poll) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	yields := false
	for _, one := range poll.Instances { // this instance is shared, so exclusive ones alone conflict
		if one.ID != own && one.Pool == exclusive {
			yields = yields || s.isNew || s.conflict || one.ID < own
		}
	}
	s.conflict, s.isNew = yields, false
}

func (s *Service) discoverable() error {
	for verb, document := range map[micro.Verb]func(micro.ServiceIdentity) any{
		micro.PingVerb: s.ping, micro.InfoVerb: s.info, micro.StatsVerb: s.stats,
	} {
		for _, of := range [][2]string{{"", ""}, {s.identity.Name, ""}, {s.identity.Name, s.identity.ID}} {
			subject, err := micro.ControlSubject(verb, of[0], of[1])
			if err != nil {
				return err
			}
			if _, err = s.nc.Subscribe(subject, func(m *nats.Msg) { s.discovered(m, document) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) discovered(message *nats.Msg, document func(micro.ServiceIdentity) any) {
	if message.Subject == "$SRV.PING."+s.identity.Name && len(message.Data) > 0 {
		s.state.hear(message.Data, s.identity.ID)
	}
	if !strings.HasPrefix(message.Reply, inboxes) {
		return
	}
	body, _ := json.Marshal(document(s.present()))
	if err := message.Respond(body); err != nil {
		slog.Warn("reply_not_sent", "subject", message.Subject, "error", err)
	}
}

// present is the identity with the metadata of this moment.
func (s *Service) present() micro.ServiceIdentity {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	reason, ready := s.state.reason()
	identity := s.identity
	identity.Metadata = map[string]string{"ready": strconv.FormatBool(ready)}
	if reason != "" {
		identity.Metadata["reason"] = oneLine(reason[:min(len(reason), 200)])
	}
	if again := s.nc.Stats().Reconnects; again > 0 {
		identity.Metadata["reconnects"] = strconv.FormatUint(again, 10)
	}
	return identity
}

func (s *Service) ping(identity micro.ServiceIdentity) any {
	return micro.Ping{ServiceIdentity: identity, Type: micro.PingResponseType}
}

func (s *Service) info(identity micro.ServiceIdentity) any {
	identity.Metadata["contract_version"] = contracts.Version
	info := micro.Info{ServiceIdentity: identity, Type: micro.InfoResponseType, Description: s.description}
	for _, e := range s.endpoints {
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{
			Name: e.stats.Name, Subject: e.Subject, QueueGroup: queueGroup, Metadata: e.metadata,
		})
	}
	return info
}

func (s *Service) stats(identity micro.ServiceIdentity) any {
	stats := micro.Stats{ServiceIdentity: identity, Type: micro.StatsResponseType, Started: s.started.UTC()}
	for _, e := range s.endpoints {
		e.mu.Lock()
		copied := e.stats
		e.mu.Unlock()
		stats.Endpoints = append(stats.Endpoints, &copied)
	}
	return struct {
		micro.Stats
		Data any `json:"data"`
	}{stats, s.Statistics()}
}

func nameOf(subject string) string {
	_, name, _ := strings.Cut(subject, ".")
	return strings.ReplaceAll(name, ".", "-")
}
