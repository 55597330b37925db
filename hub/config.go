package hub

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/hub/internal/room"
)

// An Upload is a module that is to become a version of a filter.
type Upload struct {
	Tenant, Filter string
	Module         []byte
	// TenantPages and FilterPages are how much memory all filters of the tenant may have, and this one, each in pages of
	// 64 KiB. 0: not limited by itself.
	TenantPages, FilterPages uint32
}

// An Inspector validates a module and says what it exports beyond the necessary ("project", "keys"). Its errors are or wrap
// *fault.Fault. The command line injects the one of the filter engine.
type Inspector func(ctx context.Context, u *Upload) (abilities []string, err error)

// What a Config has that does not say otherwise.
const (
	defaultCacheBytes = 64 << 20
	defaultShards     = 4
)

// Config says how to open a Hub. Only Dir is required.
type Config struct {
	// Dir is the data folder; it is made if missing.
	Dir string
	// NodeID names this node among its region's. It must stay the same for a data folder. Empty: "hub-1".
	NodeID string
	// Advertise is where others reach this node.
	Advertise Addresses
	// Connect makes the transport to the region's other nodes, once, in Open. resolve says where a node's mesh is, as far as
	// this one knows. Nil: the node is alone for good.
	Connect func(resolve func(node string) (addr string, ok bool)) (Transport, error)
	// Peers are the nodes of a new region, this one among them: it begins when all of them are there and none belongs to
	// another. They mean nothing once the region has begun. Empty: a region of this node alone.
	Peers []Peer
	// Join has addresses of the mesh of nodes of a region that this one, whose folder is empty, is to join.
	Join []string
	// Shards is how many shards a new region has. It means nothing once the region has begun. 0: 4.
	Shards int
	// Logger receives the hub's log. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer receives the hub's metrics, which METRICS.md lists. Nil: they are kept nowhere.
	Registerer prometheus.Registerer
	// Inspect validates uploaded modules. Nil: uploads are refused.
	Inspect Inspector
	// CacheBytes bounds the memory for blocks read from disk, of all groups together. 0: 64 MiB.
	CacheBytes int64
	// VerifyEvery is how often all that is on disk is read, to find damage that nobody comes upon. 0: every 7 days; negative:
	// never by itself.
	VerifyEvery time.Duration
	// VerifyRate bounds that reading, in bytes a second. 0: 8 MiB.
	VerifyRate int
	// Now is the clock that events are stamped with. Nil: time.Now.
	Now func() time.Time

	// surveyEvery is how often nodes look after each other. 0: see the constant.
	surveyEvery time.Duration
	// verifyLook is how often it is looked whether something is to be verified. 0: see the constant.
	verifyLook time.Duration
	// segmentBytes is the size of the files of shards' logs. 0: see the constant.
	segmentBytes int
	// trailing entries stay in a log behind a snapshot. 0: as many as replica says.
	trailing uint64
	// diskUsage tells how much room there is. Nil: the operating system does.
	diskUsage room.Usage
}

func (c Config) withDefaults() Config {
	c.NodeID = cmp.Or(c.NodeID, "hub-1")
	c.CacheBytes = cmp.Or(c.CacheBytes, defaultCacheBytes)
	c.Shards = cmp.Or(c.Shards, defaultShards)
	c.VerifyEvery = cmp.Or(c.VerifyEvery, defaultVerifyEvery)
	c.VerifyRate = cmp.Or(c.VerifyRate, defaultVerifyRate)
	c.surveyEvery = cmp.Or(c.surveyEvery, surveyEvery)
	c.verifyLook = cmp.Or(c.verifyLook, verifyLook)
	c.segmentBytes = cmp.Or(c.segmentBytes, shardSegmentBytes)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	if c.diskUsage == nil {
		c.diskUsage = room.DiskUsage
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
