package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/deploy/bench/internal/process"
	"weir/deploy/internal/load"
	"weir/filters/examples"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

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
	receipts  chan receipt

	hostileFuel float64 // billions a second, on average over the phases so far that had it
	besieged    int     // phases
}

// A receipt is the answer to a publication: a fault, if it was refused.
type receipt struct{ fault *weirpb.Fault }

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
	if s.publisher, err = s.dialer.Open(ctx, s.server.Listen, s.token["good"]); err != nil {
		return err
	}
	s.receipts = make(chan receipt, neighbourEvents)
	go s.acknowledge(s.publisher)
	return nil
}

// acknowledge notes the answers to publications, until the session ends.
func (s *street) acknowledge(session *load.Session) {
	for {
		t, body, err := session.Reply()
		if err != nil {
			return
		}
		var m weirpb.Published
		if t == frame.Published && frame.Decode(body, &m) == nil {
			s.receipts <- receipt{m.GetFault()}
		}
	}
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
// sessions, sorted. An error tells events that were not accepted from such as were and have not arrived.
func (s *street) deliver(ctx context.Context) ([]time.Duration, error) {
	first := s.published + 1
	sent, took := make([]time.Time, neighbourEvents), make([]time.Duration, neighbourEvents)
	ended := make(chan error, 1)
	var publishing sync.WaitGroup
	defer publishing.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	publishing.Go(func() { ended <- s.publish(ctx, sent) })
	arrivals := make([]arrival, 0, 2*neighbourEvents)
	patience := time.NewTimer(deliverPatience)
	defer patience.Stop()
	for accepted := 0; len(arrivals) < cap(arrivals) || accepted < len(sent); {
		select {
		case a := <-s.arrived:
			arrivals = append(arrivals, a)
		case r := <-s.receipts:
			if r.fault != nil { // and all later ones will be, for their sequence has a gap
				return nil, fmt.Errorf("publication %d of %d was refused: %s: %s", accepted+1, len(sent), r.fault.GetCode(), r.fault.GetMessage())
			}
			accepted++
		case err := <-ended:
			if err != nil {
				return nil, err
			}
			ended = nil
		case <-patience.C:
			return nil, fmt.Errorf("%d of %d publications were accepted and %d of %d deliveries made within %v",
				accepted, len(sent), len(arrivals), cap(arrivals), deliverPatience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
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
	before, err := s.admin.fuel(ctx, "hostile")
	if err != nil {
		stop()
		return nil, errors.Join(err, <-ended)
	}
	start := time.Now()
	took, err := s.deliver(ctx)
	passed := time.Since(start)
	stop()
	if besieged := <-ended; err == nil {
		err = besieged
	}
	if err != nil {
		return nil, err
	}
	after, err := s.admin.fuel(ctx, "hostile")
	if err != nil {
		return nil, err
	}
	s.besieged++
	s.hostileFuel += (float64(after-before)/1e9/passed.Seconds() - s.hostileFuel) / float64(s.besieged)
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
