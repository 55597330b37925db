package edge

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/edge/internal/fakeconn"
	"weir/edge/internal/fakehub"
	"weir/edge/token"
	"weir/filters"
	"weir/filters/examples"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

const (
	noRate          = 1 << 50 // units a second: more than a processor can use
	neighbourPairs  = 5       // phases alone and beside, by turns
	neighbourEvents = 300
	neighbourEvery  = 3 * time.Millisecond
	hostileEvery    = 5 * time.Millisecond
)

// bulky names the modules whose single instructions take milliseconds.
var bulky = regexp.MustCompile("fill|copies|bomb|grow|misses")

// A street is an edge with a good tenant and a hostile one.
type street struct {
	b      *testing.B
	hub    *fakehub.Hub
	server *Server
	users  map[string]string // tokens by tenant
	others []string          // filters of the hostile tenant
}

// newStreet builds one. bulk says whether hostile modules may fill and copy memory by the megabyte at once, which nothing can
// interrupt.
func newStreet(b *testing.B, limits Limits, bulk bool) *street {
	b.Helper()
	s := &street{b: b, hub: fakehub.New(), users: map[string]string{}}
	for _, tenant := range []string{"good", "hostile"} {
		s.hub.Put(&weirpb.Tenant{Name: tenant})
		s.hub.Put(&weirpb.Namespace{Tenant: tenant, Name: "log", Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG})
		s.users[tenant] = s.sign(tenant)
	}
	s.hub.PutFilter("good", "viewport", examples.Viewport().Module)
	files, err := filepath.Glob("../filters/testdata/hostile/*.wasm")
	if err != nil || len(files) == 0 {
		b.Fatal("no hostile modules", err)
	}
	for _, path := range files {
		if !bulk && bulky.MatchString(path) {
			continue
		}
		module, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".wasm")
		s.hub.PutFilter("hostile", name, module)
		s.others = append(s.others, name)
	}
	engine, err := filters.New(b.Context(), filters.Config{})
	if err != nil {
		b.Fatal(err)
	}
	s.server, err = New(Config{
		Upstream: s.hub, Filters: engine, Agent: "weir/test", Logger: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), Limits: limits,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.server.Close(); err != nil {
			b.Error(err)
		}
		if err := engine.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	if err := s.server.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

// sign makes a signing key for a tenant, and returns a token.
func (s *street) sign(tenant string) string {
	s.b.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	public, private, _ := ed25519.GenerateKey(nil)
	jwk, err := json.Marshal(map[string]string{
		"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": encode(public), "d": encode(private.Seed()),
	})
	if err != nil {
		s.b.Fatal(err)
	}
	key, err := token.ParseJWK(jwk)
	if err != nil {
		s.b.Fatal(err)
	}
	verifier, err := key.SigningKey(tenant)
	if err != nil {
		s.b.Fatal(err)
	}
	s.hub.Put(verifier)
	user, err := token.Mint(&token.Claims{
		Tenant: tenant, Subject: "user", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"},
	}, key)
	if err != nil {
		s.b.Fatal(err)
	}
	return user
}

// An arrival is a connection that tells of each write of batches.
type arrival struct {
	*fakeconn.Conn
	data chan time.Time
}

// WriteData implements transport.Conn.
func (a *arrival) WriteData(frames []byte) error {
	now := time.Now()
	err := a.Conn.WriteData(frames)
	select {
	case a.data <- now:
	default: // nobody measures
	}
	return err
}

// join opens a session. end closes it and waits.
func (s *street) join(tenant string, subscriptions ...*weirpb.Subscribe) (a *arrival, end func()) {
	a = &arrival{Conn: fakeconn.New(), data: make(chan time.Time, 16)}
	ended, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		s.server.Handler()(context.Background(), a)
	}()
	a.Send(frame.Hello, &weirpb.Hello{Token: s.users[tenant]})
	for _, m := range subscriptions {
		a.Send(frame.Subscribe, m)
	}
	s.awaitAnswers(a, len(subscriptions))
	done := make(chan struct{})
	go func() { // a session that is not heard from ends
		defer close(ended)
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				a.Send(frame.Ping, &weirpb.Ping{})
			case <-done:
				return
			}
		}
	}()
	return a, func() {
		close(done)
		a.Leave()
		<-ended
		<-served
	}
}

// awaitAnswers waits until so many subscriptions have been answered.
func (s *street) awaitAnswers(a *arrival, subscriptions int) {
	s.b.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); subscriptions > 0; <-tick.C {
		for _, f := range a.Control() {
			switch f.Type {
			case frame.Subscribed:
				subscriptions--
			case frame.Welcome:
			default:
				s.b.Fatalf("got %s %q", f.Type, f.Body)
			}
		}
		if time.Now().After(deadline) {
			s.b.Fatalf("%d subscriptions are not answered", subscriptions)
		}
	}
}

// besiege has the hostile tenant do its worst until stop: a channel for each of its filters, with more events than it can take.
func (s *street) besiege() (stop func()) {
	var all []*weirpb.Subscribe
	for i, name := range s.others {
		all = append(all, &weirpb.Subscribe{
			Subscription: uint32(i + 1), Channel: "log:" + name, Filters: []*weirpb.FilterRef{{Name: name}},
		})
	}
	_, end := s.join("hostile", all...)
	done := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		tick := time.NewTicker(hostileEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-done:
				return
			}
			for _, name := range s.others {
				s.hub.Add("hostile", "log:"+name, "", "{}")
			}
		}
	})
	return func() {
		close(done)
		publishing.Wait()
		end()
	}
}

// deliver publishes the good tenant's events and returns how long each took until it was written to the subscriber, sorted.
func (s *street) deliver(a *arrival) []time.Duration {
	var all []time.Duration
	tick := time.NewTicker(neighbourEvery)
	defer tick.Stop()
	for i := range neighbourEvents {
		<-tick.C
		for len(a.data) > 0 {
			<-a.data
		}
		start := time.Now()
		s.hub.Add("good", "log:flights", "", fmt.Sprintf(`{"lon":%d.5,"lat":40,"delay":%d}`, i%90, i))
		select {
		case at := <-a.data:
			all = append(all, at.Sub(start))
		case <-time.After(10 * time.Second):
			s.b.Fatal("an event did not arrive")
		}
	}
	slices.Sort(all)
	return all
}

// BenchmarkNeighbours measures how long a good tenant's events take to be decided and written, alone and beside a hostile tenant,
// by turns on one edge. It reports medians over the phases.
func BenchmarkNeighbours(b *testing.B) {
	for _, c := range []struct {
		name   string
		limits Limits
		bulk   bool
	}{
		{"default", Limits{}, true},
		{"no rate", Limits{TenantFuel: noRate, MaxTenantFuel: noRate}, true},
		{"no rate, no bulk operations", Limits{TenantFuel: noRate, MaxTenantFuel: noRate}, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newStreet(b, c.limits, c.bulk)
			s.besiege()() // compiles the hostile modules
			a, end := s.join("good", &weirpb.Subscribe{
				Subscription: 1, Channel: "log:flights",
				Filters: []*weirpb.FilterRef{{Name: "viewport", Params: []byte(`{"west":-10,"south":0,"east":100,"north":90}`)}},
			})
			defer end()
			s.deliver(a)
			var alone, beside, ratios []float64
			var middle [2][]float64
			for range neighbourPairs {
				quiet := s.deliver(a)
				stop := s.besiege()
				loud := s.deliver(a)
				stop()
				time.Sleep(200 * time.Millisecond) // calls that are under way
				x, y := micros(quiet, 0.99), micros(loud, 0.99)
				alone, beside, ratios = append(alone, x), append(beside, y), append(ratios, y/x)
				middle[0], middle[1] = append(middle[0], micros(quiet, 0.5)), append(middle[1], micros(loud, 0.5))
			}
			b.ReportMetric(median(alone), "p99-alone-µs")
			b.ReportMetric(median(beside), "p99-beside-µs")
			b.ReportMetric(median(middle[0]), "p50-alone-µs")
			b.ReportMetric(median(middle[1]), "p50-beside-µs")
			b.ReportMetric(median(ratios), "p99-ratio")
			used := uint64(0)
			for _, f := range s.server.FilterStats("hostile", "") {
				used += f.Fuel
			}
			b.ReportMetric(float64(used)/1e9, "hostile-Gfuel")
		})
	}
}

func micros(sorted []time.Duration, quantile float64) float64 {
	return float64(sorted[int(quantile*float64(len(sorted)))].Nanoseconds()) / 1000
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
