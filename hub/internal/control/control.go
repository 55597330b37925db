package control

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"

	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// history is how many changes a watcher may be behind before it is given everything anew.
const history = 256

// A Control is the control state of a node. Apply, Commit and Reload belong to one goroutine; the rest is safe for
// concurrent use.
type Control struct {
	store *store.Store
	// next is what the commands of the batch at hand have made; Commit publishes it.
	next    *State
	updates []*weirpb.ControlUpdate
	// held is true while next is older than what is shown, because the store begins anew: what everybody has seen stays
	// until it is made again.
	held atomic.Bool

	current atomic.Pointer[State]

	mu sync.Mutex
	// recent has the last updates, in order, and floor is the index up to which they are forgotten; guarded by mu.
	recent []*weirpb.ControlUpdate
	floor  uint64
	// changed is closed and replaced when there is more; guarded by mu.
	changed chan struct{}
}

// Open reads the state.
func Open(s *store.Store) (*Control, error) {
	c := &Control{store: s, changed: make(chan struct{})}
	return c, c.Reload()
}

// Reload reads the state anew, after the store has been replaced. Watchers are given everything anew, but never what is older
// than what they have been given: until the log has led up to that it stays.
func (c *Control) Reload() error {
	state, err := load(c.store)
	if err != nil {
		return fmt.Errorf("read the control state: %w", err)
	}
	c.next = state
	c.updates = nil
	c.held.Store(c.older(state))
	if !c.held.Load() {
		c.show(state)
	}
	return nil
}

// older reports whether a state is of before the one that is shown.
func (c *Control) older(state *State) bool {
	shown := c.current.Load()
	return shown != nil && state.Meta.GetIndex() < shown.Meta.GetIndex()
}

// show gives everybody a state that does not follow from the one before by updates.
func (c *Control) show(state *State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.Store(state)
	c.recent, c.floor = nil, state.Meta.GetIndex()
	c.wake()
}

// State returns the state that has been committed last.
func (c *Control) State() *State { return c.current.Load() }

// Apply adds what a command does to a batch. It returns what the proposer is told, maybe a *fault.Fault; an error is a
// failure of this node.
func (c *Control) Apply(b *store.Batch, index uint64, timeMs int64, cmd *logpb.ControlCommand) (answer any, err error) {
	ch, refused := step(c.next, index, timeMs, cmd)
	if refused != nil {
		return refused, nil
	}
	if err := ch.write(b); err != nil {
		return nil, fmt.Errorf("store the control state: %w", err)
	}
	c.next = ch.next
	if len(ch.put)+len(ch.delete) > 0 {
		c.updates = append(c.updates, &weirpb.ControlUpdate{Index: index, Put: ch.put, Delete: ch.delete})
	}
	return ch.answer, nil
}

// Commit shows readers and watchers what the commands of a batch have made, once it is committed.
func (c *Control) Commit() {
	if c.next == c.current.Load() {
		return
	}
	if c.held.Load() {
		c.updates = nil
		if !c.older(c.next) {
			c.held.Store(false)
			c.show(c.next)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.Store(c.next)
	c.recent = append(c.recent, c.updates...)
	if extra := len(c.recent) - history; extra > 0 {
		c.floor = c.recent[extra-1].GetIndex()
		c.recent = append(c.recent[:0:0], c.recent[extra:]...)
	}
	c.updates = nil
	c.wake()
}

func (c *Control) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Module reads a module that a version of a filter refers to.
func (c *Control) Module(digest []byte) ([]byte, error) {
	if c.held.Load() {
		return nil, fault.New(fault.Unavailable, "this node's control state is being rebuilt").WithHint("ask another node, or again in a moment")
	}
	d, ok := digestOf(digest)
	m := c.State().Modules[d]
	if !ok || !m.GetCommitted() {
		return nil, fault.New(fault.NotFound, "no version of a filter has a module with this digest")
	}
	module := make([]byte, 0, m.GetSizeBytes())
	prefix := append(key(kindChunk), d[:]...)
	err := c.store.View(func(r store.Reader) error {
		return r.Scan(prefix, store.After(prefix), func(_, body []byte) (bool, error) {
			module = append(module, body...)
			return true, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read a module: %w", err)
	}
	if sha256.Sum256(module) != d {
		if c.State().Modules[d] == nil {
			return nil, fault.New(fault.NotFound, "the module has just been deleted")
		}
		return nil, &store.CorruptError{Key: prefix, Reason: "the module does not have its digest"}
	}
	return module, nil
}
