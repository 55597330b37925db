// Package demo is the live demonstration that "weir dev" starts: the flights of a real table, each flying its great
// circle over and over, published as a state channel; and a chat room. The page that shows them is in edge/browser/demo.
package demo

import (
	"context"
	"fmt"
	"log/slog"

	"weir/proto/weirpb"
)

// The channels of the demo; each is in the namespace of its own name.
const (
	// Flights is a state channel: one key per aircraft in the air.
	Flights = "flights"
	// Chat is a log channel that visitors publish to. The feed leaves it alone.
	Chat = "chat"
)

// A Hub is what the feed needs of one. Errors are or wrap *fault.Fault.
type Hub interface {
	// Publish hands over a publication and returns at once; done is called exactly once, maybe before Publish returns.
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
	// State reads a page of the latest events per key of a state channel.
	State(ctx context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error)
}

// Config says where a feed publishes. All fields are required.
type Config struct {
	Hub    Hub
	Tenant string
	Logger *slog.Logger
}

// Namespaces returns the namespaces that must exist in the tenant before Run.
func Namespaces(tenant string) []*weirpb.Namespace {
	return []*weirpb.Namespace{
		{Tenant: tenant, Name: Flights, Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE},
		{Tenant: tenant, Name: Chat, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG},
	}
}

// Run flies the table's flights until ctx ends, and then returns nil. Where every aircraft is follows from the wall clock
// alone, so that a feed that is started anew goes on where it would have been; keys that an earlier one has left behind
// are deleted once they are on the ground. It waits out whatever passes by itself, and returns what does not: a
// *fault.Fault such as namespace_unknown.
func Run(ctx context.Context, cfg Config) error {
	flights, err := loadFlights()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	f := newFeed(cfg, flights)
	if err := f.adopt(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("demo: read what is in the air: %w", err)
	}
	if err := f.fly(ctx); err != nil {
		return fmt.Errorf("demo: publish to %s: %w", Flights, err)
	}
	return nil
}
