package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"weir/deploy/bench/internal/process"
	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/load"
	"weir/filters/examples"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

const (
	neighbourPhases = 5    // of each kind, in turns
	neighbourEvents = 1000 // in each
	neighbourEvery  = 3 * time.Millisecond
	neighbourGroups = 50 // of each of two sessions
	hostileEvery    = 100 * time.Millisecond
	hostileRest     = 500 * time.Millisecond // until calls that are under way are over
	deliverPatience = 2 * time.Minute        // for all events of a phase

	goodChannel   = "flights"
	hostileFolder = "filters/testdata/hostile"
)

// neighbourSuite measures how long a tenant's events take from being published to arriving at a subscriber, through a real hub and
// edge on loopback, alone and beside a tenant whose filters do their worst, in turns on one server.
func neighbourSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	w, err := process.StartWeir(ctx, e.binary)
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	s := &street{server: w, admin: newAdmin(w)}
	if s.dialer, err = load.NewDialer(); err != nil {
		return nil, err
	}
	defer s.dialer.Close()
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	for _, phase := range []func(context.Context) ([]time.Duration, error){s.deliver, s.beside} { // compiles the modules, and warms up
		if _, err := phase(ctx); err != nil {
			return nil, err
		}
	}
	var alone, beside phases
	for range neighbourPhases {
		quiet, err := s.deliver(ctx)
		if err != nil {
			return nil, err
		}
		loud, err := s.beside(ctx)
		if err != nil {
			return nil, err
		}
		alone, beside = append(alone, quiet), append(beside, loud)
		fmt.Fprintf(os.Stderr, "  p99 %v alone, %v beside; machine's load %s\n", quantile(quiet, 0.99), quantile(loud, 0.99), machineLoad())
	}
	var figures []report.Figure
	for name, q := range map[string]float64{"half": 0.5, "99 %": 0.99} {
		figure := report.Figure{Name: name + " of deliveries, beside hostile filters, within", Unit: "ms", Ours: beside.median(q)}
		figures = append(figures, figure.Against("alone", alone.median(q)))
	}
	slices.SortFunc(figures, func(a, b report.Figure) int { return strings.Compare(b.Name, a.Name) })
	return figures, nil
}

// phases are the sorted times of each phase.
type phases [][]time.Duration

// median returns the middle of the phases' quantiles, in ms.
func (p phases) median(q float64) float64 {
	var all []float64
	for _, phase := range p {
		all = append(all, float64(quantile(phase, q))/float64(time.Millisecond))
	}
	return report.Median(all)
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// machineLoad says how busy the machine is, as a figure means little without; where that can't be read, so.
func machineLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// A street is a server with a good tenant and a hostile one.
type street struct {
	server  *process.Weir
	admin   *admin
	dialer  *load.Dialer
	token   map[string]string // by tenant
	hostile []string          // filters

	publisher *load.Session
	published uint64
	arrived   chan arrival
}

// An arrival is an event, by its number, at the subscriber.
type arrival struct {
	number uint64
	at     time.Time
}

// build makes both tenants, and the good one's sessions.
func (s *street) build(ctx context.Context) error {
	s.token, s.arrived = map[string]string{}, make(chan arrival, neighbourEvents)
	for _, tenant := range []string{"good", "hostile"} {
		token, err := s.admin.tenant(ctx, tenant)
		if err != nil {
			return err
		}
		s.token[tenant] = token
	}
	if err := s.admin.upload(ctx, "good", "viewport", examples.Viewport().Module); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(hostileFolder, "*.wasm"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no modules in %s: %w", hostileFolder, err)
	}
	for _, path := range files {
		module, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".wasm")
		if err := s.admin.upload(ctx, "hostile", name, module); err != nil {
			return err
		}
		s.hostile = append(s.hostile, name)
	}
	for range 2 {
		if err := s.watch(ctx); err != nil {
			return err
		}
	}
	s.publisher, err = s.open(ctx, "good")
	return err
}

// open opens a session that answers pings by itself.
func (s *street) open(ctx context.Context, tenant string, subscriptions ...*weirpb.Subscribe) (*load.Session, error) {
	session, err := s.dialer.Open(ctx, s.server.Listen, s.token[tenant])
	if err != nil {
		return nil, err
	}
	for _, m := range subscriptions {
		if err := session.Send(frame.Subscribe, m); err != nil {
			return nil, err
		}
	}
	for range subscriptions {
		if t, body, err := session.Reply(); err != nil || t != frame.Subscribed {
			return nil, fmt.Errorf("%s %q instead of SUBSCRIBED: %w", t, body, err)
		}
	}
	go session.Drain() // ends with the session
	return session, nil
}

// watch opens a session with viewports of which one sees all events.
func (s *street) watch(ctx context.Context) error {
	var all []*weirpb.Subscribe
	for i := range uint32(neighbourGroups) {
		params := `{"west":-180,"south":-90,"east":180,"north":90}`
		if i > 0 {
			params = fmt.Sprintf(`{"west":%d,"south":-80,"east":%d,"north":-70}`, i, i+1)
		}
		all = append(all, &weirpb.Subscribe{
			Subscription: i + 1, Channel: goodChannel, Filters: []*weirpb.FilterRef{{Name: "viewport", Params: []byte(params)}},
		})
	}
	session, err := s.open(ctx, "good", all...)
	if err != nil {
		return err
	}
	batches, err := session.Batches(ctx)
	if err != nil {
		return err
	}
	go s.receive(batches)
	return nil
}

// receive notes the events that arrive at the one subscription that sees them, until the session ends.
func (s *street) receive(batches *frame.Reader) {
	var batch weirpb.Batch
	for {
		t, body, err := batches.Next()
		now := time.Now()
		if err != nil || t != frame.Batch || frame.Decode(body, &batch) != nil {
			return
		}
		for _, item := range batch.GetItems() {
			var event struct{ N uint64 }
			if json.Unmarshal(item.GetEvent().GetPayload(), &event) == nil {
				s.arrived <- arrival{event.N, now}
			}
		}
		batch.Reset()
	}
}

// deliver publishes at a steady pace, whatever becomes of it, and returns how long each event took to the later of both
// sessions, sorted.
func (s *street) deliver(ctx context.Context) ([]time.Duration, error) {
	first := s.published + 1
	sent, took := make([]time.Time, neighbourEvents), make([]time.Duration, neighbourEvents)
	failed := make(chan error, 1)
	go func() { failed <- s.publish(ctx, sent) }()
	arrivals := make([]arrival, 0, 2*neighbourEvents)
	patience := time.NewTimer(deliverPatience)
	defer patience.Stop()
	for len(arrivals) < cap(arrivals) {
		select {
		case a := <-s.arrived:
			arrivals = append(arrivals, a)
		case <-patience.C:
			return nil, fmt.Errorf("%d of %d deliveries within %v", len(arrivals), cap(arrivals), deliverPatience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := <-failed; err != nil {
		return nil, err
	}
	for _, a := range arrivals {
		i := a.number - first
		took[i] = max(took[i], a.at.Sub(sent[i]))
	}
	slices.Sort(took)
	return took, nil
}

// publish publishes an event for each place in sent, and notes when.
func (s *street) publish(ctx context.Context, sent []time.Time) error {
	tick := time.NewTicker(neighbourEvery)
	defer tick.Stop()
	for i := range sent {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.published++
		sent[i] = time.Now()
		payload := fmt.Appendf(nil, `{"lon":%d.5,"lat":40,"n":%d}`, i%90, s.published)
		if err := s.send(s.publisher, goodChannel, s.published, payload); err != nil {
			return err
		}
	}
	return nil
}

func (s *street) send(session *load.Session, channel string, number uint64, payload []byte) error {
	return session.Send(frame.Publish, &weirpb.Publish{
		Request: uint32(number), Publication: &weirpb.Publication{Channel: channel, Payload: payload, Sequence: number},
	})
}

// beside is deliver while the hostile tenant publishes more than its filters can take, each on a channel of its own.
func (s *street) beside(ctx context.Context) ([]time.Duration, error) {
	var all []*weirpb.Subscribe
	for i, name := range s.hostile {
		all = append(all, &weirpb.Subscribe{Subscription: uint32(i + 1), Channel: name, Filters: []*weirpb.FilterRef{{Name: name}}})
	}
	session, err := s.open(ctx, "hostile", all...)
	if err != nil {
		return nil, err
	}
	busy, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.besiege(busy, session) }()
	took, err := s.deliver(ctx)
	stop()
	if besieged := <-ended; err == nil {
		err = besieged
	}
	if err != nil {
		return nil, err
	}
	if err := session.Close(); err != nil {
		return nil, err
	}
	select {
	case <-time.After(hostileRest):
	case <-ctx.Done():
	}
	return took, ctx.Err()
}

func (s *street) besiege(ctx context.Context, session *load.Session) error {
	tick := time.NewTicker(hostileEvery)
	defer tick.Stop()
	for number := uint64(1); ; number++ {
		for _, name := range s.hostile {
			if err := s.send(session, name, number, []byte("{}")); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
