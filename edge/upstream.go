package edge

import (
	"context"

	"weir/proto/weirpb"
)

// An Upstream is what an edge needs of the hub of its region: in one process the hub itself, else the client of the hub
// link. All its errors are or wrap *fault.Fault. It is safe for concurrent use.
type Upstream interface {
	// WatchControl calls deliver with the whole control state, then with each change, one call at a time, until ctx
	// ends, deliver fails or the hub is lost; it returns why. The caller calls again, and gets a reset.
	WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error

	// ControlIndex returns an index of the control state at which it has all that the region had answered to anybody before
	// the call; 0 if that can't be told at all. A WatchControl that is under way delivers that index, or a later one, within
	// moments.
	ControlIndex(ctx context.Context) (uint64, error)

	// Module returns the filter module with this SHA-256.
	Module(ctx context.Context, digest []byte) ([]byte, error)

	// Follow calls deliver with the channel's description and, on a state channel, a snapshot, then with each new event
	// in order, one call at a time, until ctx ends, deliver fails or the hub is lost; it returns why. A slow deliver
	// slows nobody else. With from, which may be nil, it goes on after that cursor where the window allows, without a
	// snapshot, and otherwise as without. A channel that nobody has published to can be followed.
	Follow(ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error

	// History reads a page of the window.
	History(ctx context.Context, request *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)

	// EndCanary says that a version of a filter has failed which is tried as a canary since sinceMs, milliseconds since the
	// Unix epoch, so that its trial ends in the whole region. A later trial of the same version goes on.
	EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error

	// Publish hands over a publication and returns at once; done is called exactly once, maybe before Publish returns,
	// and must not block. Publications handed over one after another are ordered so.
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
}
