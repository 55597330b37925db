package mirror

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/edge/internal/metrics"
	"weir/edge/internal/selfcheck"
	"weir/edge/internal/sieve"
	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Source is where modules come from; see edge.Upstream.
type Source interface {
	Module(ctx context.Context, digest []byte) ([]byte, error)
}

// A Module is an opened filter.
type Module interface {
	sieve.Module
	Close() error
}

// An Opener makes the module of a filter version ready to run, as filters.Engine does.
type Opener func(ctx context.Context, v *weirpb.FilterVersion, module []byte) (Module, error)

// shelfMost bounds the modules that are open at once. One takes some hundred kilobytes and its instances.
const shelfMost = 1024

// loadTimeout bounds the fetching and opening of a module.
const loadTimeout = 10 * time.Second

// A Shelf keeps filter versions that are ready to run: those in use, and for as long as there is room those that were. It
// is safe for concurrent use.
type Shelf struct {
	source  Source
	open    Opener
	log     *slog.Logger
	metrics *metrics.Metrics
	most    int
	// OnSuspend, if set before the first use, is told of filter versions that are suspended; see sieve.Sieve.
	OnSuspend func(sieve.ID)
	// Checker, if set before the first use, is handed a sample of the filters' calls.
	Checker *selfcheck.Checker

	ctx    context.Context
	cancel context.CancelFunc
	loads  sync.WaitGroup

	mu    sync.Mutex
	books map[sieve.ID]*book
	clock uint64 // counts uses, to find what was used least recently
	// retired is what versions had done when they left the shelf.
	retired map[sieve.ID]sieve.Counts
}

// A book is one filter version on the shelf, or on its way there.
type book struct {
	version *weirpb.FilterVersion
	loaded  chan struct{} // closed when the following are set
	sieve   *sieve.Sieve
	module  Module
	err     error

	// Guarded by the shelf's mu.
	users int
	used  uint64
}

// NewShelf returns an empty shelf.
func NewShelf(source Source, open Opener, log *slog.Logger, m *metrics.Metrics) *Shelf {
	ctx, cancel := context.WithCancel(context.Background())
	return &Shelf{
		source: source, open: open, log: log, metrics: m, most: shelfMost,
		ctx: ctx, cancel: cancel, books: make(map[sieve.ID]*book), retired: make(map[sieve.ID]sieve.Counts),
	}
}

// Close closes all modules. Calls that are running finish first.
func (s *Shelf) Close() {
	s.cancel()
	s.loads.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range s.books {
		s.discard(id, b)
	}
}

// Take returns a filter version, fetched and opened if need be, for use until Return. Errors are or wrap *fault.Fault, or
// are ctx's cause.
func (s *Shelf) Take(ctx context.Context, v *weirpb.FilterVersion) (*sieve.Sieve, error) {
	id, b, err := s.find(v)
	if err != nil {
		return nil, err
	}
	select {
	case <-b.loaded:
	case <-ctx.Done():
		s.giveBack(id)
		return nil, context.Cause(ctx)
	}
	if b.err != nil {
		s.giveBack(id)
		return nil, b.err
	}
	return b.sieve, nil
}

// Return ends a use.
func (s *Shelf) Return(used *sieve.Sieve) { s.giveBack(used.ID) }

func (s *Shelf) giveBack(id sieve.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.books[id]
	if b == nil {
		return // discarded with its tenant
	}
	b.users--
	select {
	case <-b.loaded:
		if b.err != nil && b.users <= 0 {
			s.discard(id, b) // the next to ask tries again
		}
	default:
	}
}

// find returns the book of a version and counts the caller as its user.
func (s *Shelf) find(v *weirpb.FilterVersion) (sieve.ID, *book, error) {
	id := sieve.ID{Tenant: v.GetTenant(), Name: v.GetName(), Version: v.GetVersion()}
	if copy(id.Digest[:], v.GetDigest()) != len(id.Digest) || len(v.GetDigest()) != len(id.Digest) {
		return id, nil, fault.New(fault.Internal, "the filter %q has a digest of %d bytes", v.GetName(), len(v.GetDigest()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	b := s.books[id]
	if b == nil {
		if s.ctx.Err() != nil {
			return id, nil, fault.New(fault.Unavailable, "the edge is shutting down")
		}
		if err := s.makeRoom(); err != nil {
			return id, nil, err
		}
		b = &book{version: v, loaded: make(chan struct{})}
		s.books[id] = b
		s.loads.Go(func() { s.load(id, b) })
	}
	b.users++
	b.used = s.clock
	return id, b, nil
}

// makeRoom discards what has been unused for longest, if the shelf is full. mu is held.
func (s *Shelf) makeRoom() error {
	if len(s.books) < s.most {
		return nil
	}
	var oldest sieve.ID
	var found *book
	for id, b := range s.books {
		if b.users == 0 && (found == nil || b.used < found.used) {
			oldest, found = id, b
		}
	}
	if found == nil {
		return fault.New(fault.Busy, "this edge has %d filter versions in use, as many as it may", len(s.books)).
			WithHint("operators: add edges")
	}
	s.discard(oldest, found)
	return nil
}

// discard takes a book from the shelf. mu is held.
func (s *Shelf) discard(id sieve.ID, b *book) {
	delete(s.books, id)
	if b.module == nil {
		return
	}
	s.metrics.FiltersOpen.Dec()
	s.retire(b)
	if err := b.module.Close(); err != nil {
		s.log.Warn("closing a filter failed", "tenant", id.Tenant, "filter", id.Name, "version", id.Version, "err", err)
	}
}

// load fetches and opens a module.
func (s *Shelf) load(id sieve.ID, b *book) {
	ctx, cancel := context.WithTimeoutCause(s.ctx, loadTimeout,
		fault.New(fault.Timeout, "the filter %q could not be loaded within %s", id.Name, loadTimeout))
	defer cancel()
	module, err := s.fetch(ctx, id, b.version)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		s.log.Warn("filter not loaded", "tenant", id.Tenant, "filter", id.Name, "version", id.Version, "err", err)
	} else {
		projects := slices.Contains(b.version.GetAbilities(), filters.AbilityProject)
		b.sieve = sieve.New(id, module, projects, s.metrics, s.log)
		b.sieve.Routes = slices.Contains(b.version.GetAbilities(), filters.AbilityKeys)
		b.sieve.OnSuspend, b.sieve.Checker = s.OnSuspend, s.Checker
		s.metrics.FiltersOpen.Inc()
	}
	s.mu.Lock()
	b.module, b.err = module, err
	s.mu.Unlock()
	close(b.loaded)
}

func (s *Shelf) fetch(ctx context.Context, id sieve.ID, v *weirpb.FilterVersion) (Module, error) {
	module, err := s.source.Module(ctx, id.Digest[:])
	if err != nil {
		return nil, err
	}
	if sieve.Digest(sha256.Sum256(module)) != id.Digest {
		return nil, fault.New(fault.Internal, "the module of the filter %q came damaged from the hub", id.Name)
	}
	return s.open(ctx, v, module)
}

// Retain discards the filter versions that a state does not have any more, in use or not: their subscriptions end with
// their tenant.
func (s *Shelf) Retain(state *State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range s.books {
		select {
		case <-b.loaded:
			if !state.hasVersion(b.version) {
				s.discard(id, b)
			}
		default: // loading; it will be found unused
		}
	}
	s.forgetRetired(state)
}

// Open returns the filter versions of a tenant that are on the shelf, ready, in the order of name and version; of one filter
// unless name is empty.
func (s *Shelf) Open(tenant, name string) []*sieve.Sieve {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []*sieve.Sieve
	for id, b := range s.books {
		if id.Tenant == tenant && (name == "" || id.Name == name) && b.module != nil {
			open = append(open, b.sieve)
		}
	}
	slices.SortFunc(open, func(a, b *sieve.Sieve) int {
		return cmp.Or(cmp.Compare(a.ID.Name, b.ID.Name), cmp.Compare(a.ID.Version, b.ID.Version))
	})
	return open
}
