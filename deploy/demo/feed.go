package demo

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"weir/proto/weirpb"
)

// Each aircraft is heard of once a second, each in a slot of its own, so that the hub sees a steady flow and no bursts.
const (
	slotsPerSecond = 50
	slotLength     = time.Second / slotsPerSecond
)

// payloadSize is enough for any payload, in bytes, so that each is one allocation.
const payloadSize = 160

// A feed flies the flights. Everything in it belongs to the goroutine that called Run.
type feed struct {
	cfg     Config
	flights []flight
	// slots holds indexes of flights, by the slot of the second in which they are heard of.
	slots [slotsPerSecond][]int
	// up says of each flight whether the hub has a value for its key, as far as the feed has told it.
	up []bool
	// strays are keys that the hub has and the table has not; they are to be deleted.
	strays []string
	// last is the slot that has been published last, counted from the Unix epoch.
	last   int64
	outbox *outbox
}

func newFeed(cfg Config, flights []flight) *feed {
	f := &feed{cfg: cfg, flights: flights, up: make([]bool, len(flights)), outbox: newOutbox(cfg)}
	for rank, i := range byDeparture(flights) {
		// Those in the air together took off one after another, so they are spread evenly over the slots.
		f.slots[rank%slotsPerSecond] = append(f.slots[rank%slotsPerSecond], i)
	}
	return f
}

// byDeparture returns the flights' indexes in the order in which they take off within the loop.
func byDeparture(flights []flight) []int {
	order := make([]int, len(flights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(flights[a].departure, flights[b].departure) })
	return order
}

// fly publishes slot after slot until ctx ends or the hub refuses for good.
func (f *feed) fly(ctx context.Context) error {
	ticker := time.NewTicker(slotLength)
	defer ticker.Stop()
	defer f.outbox.stop()
	f.last = slotAt(time.Now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			f.catchUp(time.Now())
		case a := <-f.outbox.answers:
			if err := f.outbox.settle(a); err != nil {
				return err
			}
		case <-f.outbox.retry.C:
			f.outbox.resend()
		}
	}
}

func slotAt(now time.Time) int64 { return now.UnixMilli() / slotLength.Milliseconds() }

// catchUp publishes the slots that have come since the last call, at most a second's worth: after a longer pause, as of a
// laptop that slept, only the present counts.
func (f *feed) catchUp(now time.Time) {
	for len(f.strays) > 0 && !f.outbox.full() {
		f.outbox.add(tombstone(f.strays[0]))
		f.strays = f.strays[1:]
	}
	present := slotAt(now)
	for slot := max(f.last+1, present-slotsPerSecond+1); slot <= present; slot++ {
		f.publish(int(slot%slotsPerSecond), virtual(now))
	}
	f.last = max(f.last, present) // a clock that is set back makes a pause, not a flood
}

// publish publishes the flights of one slot. What finds no room is let be: the next second has a newer position, and a
// landing is tried again, because its flight is still marked as up.
func (f *feed) publish(slot int, now time.Duration) {
	for _, i := range f.slots[slot] {
		progress, airborne := f.flights[i].progress(now)
		if !airborne && !f.up[i] {
			continue
		}
		if f.outbox.full() {
			f.outbox.skipped++
			continue
		}
		if airborne {
			f.outbox.add(position(&f.flights[i], progress))
		} else {
			f.outbox.add(tombstone(f.flights[i].key))
		}
		f.up[i] = airborne
	}
}

func position(f *flight, progress float64) *weirpb.Publication {
	return &weirpb.Publication{
		Channel: Flights, Key: f.key, ContentType: "application/json",
		Payload: f.appendPayload(make([]byte, 0, payloadSize), progress),
	}
}

func tombstone(key string) *weirpb.Publication {
	return &weirpb.Publication{Channel: Flights, Key: key, Tombstone: true}
}

func (f *feed) logAdopted(ctx context.Context, known int) {
	f.cfg.Logger.InfoContext(ctx, "flights take off", slog.String("channel", Flights),
		slog.Int("flights", len(f.flights)), slog.Int("already_up", known), slog.Int("strays", len(f.strays)))
}
