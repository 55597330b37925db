package fanout

import (
	"weir/proto/weirpb"
)

// chunkKeys is how many keys a chunk holds. Freezing copies one pointer per chunk, and changing a key after it copies one
// chunk: 2 KiB.
const chunkKeys = 256

// A chunk holds the latest events of chunkKeys keys, by dense number.
type chunk struct {
	generation uint64 // of the table that may write to it
	events     [chunkKeys]*weirpb.Event
}

// A keyTable is the state of a channel: the latest event per key. Keys have dense numbers, which are reused, so that a set
// of keys is a bitset. It can be frozen in no time: what a frozen one shares with the table is copied before it changes.
type keyTable struct {
	numbers    map[string]int
	free       []int
	chunks     []*chunk
	generation uint64
	bytes      int64 // of the events, roughly
}

func newKeyTable() *keyTable { return &keyTable{numbers: make(map[string]int), generation: 1} }

// find returns the number of a key that has a value.
func (t *keyTable) find(key string) (i int, ok bool) {
	i, ok = t.numbers[key]
	return i, ok
}

// put makes e the latest event of its key and returns the key's number.
func (t *keyTable) put(e *weirpb.Event) int {
	i, ok := t.numbers[e.GetKey()]
	if !ok {
		i = t.take()
		t.numbers[e.GetKey()] = i
	}
	slot := t.slot(i)
	t.bytes += eventBytes(e) - eventBytes(*slot)
	*slot = e
	return i
}

// remove forgets a key. Its number may be given to another from then on.
func (t *keyTable) remove(key string) {
	i, ok := t.numbers[key]
	if !ok {
		return
	}
	slot := t.slot(i)
	t.bytes -= eventBytes(*slot)
	*slot = nil
	delete(t.numbers, key)
	t.free = append(t.free, i)
}

func (t *keyTable) len() int { return len(t.numbers) }

// at returns the event with number i, nil if no key has that number.
func (t *keyTable) at(i int) *weirpb.Event { return frozenKeys(t.chunks).at(i) }

func (t *keyTable) take() int {
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		return i
	}
	// No free number: the keys in use are 0 to len-1.
	i := len(t.numbers)
	if i/chunkKeys == len(t.chunks) {
		t.chunks = append(t.chunks, &chunk{generation: t.generation})
	}
	return i
}

// slot returns where to write the event with number i.
func (t *keyTable) slot(i int) **weirpb.Event {
	c := t.chunks[i/chunkKeys]
	if c.generation != t.generation {
		own := &chunk{generation: t.generation, events: c.events}
		t.chunks[i/chunkKeys] = own
		c = own
	}
	return &c.events[i%chunkKeys]
}

// A frozenKeys is a keyTable as it was. It is never changed.
type frozenKeys []*chunk

func (t *keyTable) freeze() frozenKeys {
	t.generation++
	return append(frozenKeys(nil), t.chunks...)
}

// at returns the event with number i, nil if no key had that number.
func (f frozenKeys) at(i int) *weirpb.Event {
	if i/chunkKeys >= len(f) {
		return nil
	}
	return f[i/chunkKeys].events[i%chunkKeys]
}

// size returns a number that is greater than that of any key.
func (f frozenKeys) size() int { return len(f) * chunkKeys }

// changed returns the numbers whose events differ between f and a later one.
func (f frozenKeys) changed(later frozenKeys) []int {
	var numbers []int
	for c := range max(len(f), len(later)) {
		if c < len(f) && c < len(later) && f[c] == later[c] {
			continue
		}
		for i := c * chunkKeys; i < (c+1)*chunkKeys; i++ {
			if f.at(i) != later.at(i) {
				numbers = append(numbers, i)
			}
		}
	}
	return numbers
}

// eventOverhead is about what an event takes beyond its bytes: the message, its slot and its entry in the map.
const eventOverhead = 256

func eventBytes(e *weirpb.Event) int64 {
	if e == nil {
		return 0
	}
	n := eventOverhead + 2*len(e.GetKey()) + len(e.GetPayload()) + len(e.GetContentType())
	for _, h := range e.GetHeaders() {
		n += len(h.GetName()) + len(h.GetValue()) + 32
	}
	return int64(n)
}
