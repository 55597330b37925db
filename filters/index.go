package filters

import "slices"

// An Index finds the groups that an event may concern, by the routing keys of both: ABI.md, "Functions". It belongs to
// one goroutine. The zero value is empty and ready to use.
//
// A group takes some 30 bytes for each key that it wants, and 75 more for one that no other group wants: at most 7 KB for
// the 64 keys that Interest returns. What is removed makes room for what is added; the map of keys keeps the size of its
// fullest moment.
type Index struct {
	lists map[uint64][]posting // by key: the slots that want it
	any   []posting            // the slots that want everything
	wants [][]want             // by slot; nil where the slot is not in the index
	len   int                  // slots that are

	seen Bitmap // slots in dst, while Candidates runs; else all 0
}

// A posting is a slot in a list, and which of the slot's wants that is.
type posting struct{ slot, nth uint32 }

// A want is a key that a slot wants, and where in the key's list the slot is.
type want struct {
	key uint64
	at  uint32
}

// Add enters a slot that is not in the index with the keys that it wants, which are copied. One that wants none is a
// candidate only for events that concern all.
func (x *Index) Add(slot int, interest []uint64) {
	for slot >= len(x.wants) {
		x.wants = append(x.wants, nil)
	}
	for slot >= 64*len(x.seen) {
		x.seen = append(x.seen, 0)
	}
	x.len++
	x.wants[slot] = make([]want, 0, len(interest))
	if slices.Contains(interest, KeyAny) {
		x.enter(slot, KeyAny) // the others add nothing
		return
	}
	for _, key := range interest {
		if !slices.ContainsFunc(x.wants[slot], func(w want) bool { return w.key == key }) {
			x.enter(slot, key)
		}
	}
}

func (x *Index) enter(slot int, key uint64) {
	list := x.list(key)
	p := posting{slot: uint32(slot), nth: uint32(len(x.wants[slot]))}
	x.wants[slot] = append(x.wants[slot], want{key: key, at: uint32(len(list))})
	x.setList(key, append(list, p))
}

// Remove takes a slot out. Removing what is not there does nothing.
func (x *Index) Remove(slot int) {
	if slot < 0 || slot >= len(x.wants) || x.wants[slot] == nil {
		return
	}
	for _, w := range x.wants[slot] {
		list := x.list(w.key)
		last := list[len(list)-1]
		list[w.at] = last
		x.wants[last.slot][last.nth].at = w.at
		x.setList(w.key, shrunk(list[:len(list)-1]))
	}
	x.wants[slot] = nil
	x.len--
}

func (x *Index) list(key uint64) []posting {
	if key == KeyAny {
		return x.any
	}
	return x.lists[key]
}

func (x *Index) setList(key uint64, list []posting) {
	switch {
	case key == KeyAny:
		x.any = list
	case len(list) == 0:
		delete(x.lists, key)
	default:
		if x.lists == nil {
			x.lists = make(map[uint64][]posting)
		}
		x.lists[key] = list
	}
}

// shrunk returns a list in less memory where it fills little of what it has.
func shrunk(list []posting) []posting {
	if cap(list) < 64 || len(list) > cap(list)/4 {
		return list
	}
	return append(make([]posting, 0, 2*len(list)), list...)
}

// Candidates appends the slots that want one of an event's keys, each once and in no particular order. It is the one
// place that chooses between asking about some groups and asking about all: narrow is false if the keys stand for all, or
// lead to more than a third of the groups. Then nothing is appended, and the caller asks about all: to find a group, pick
// it out and decide about it costs about three times what deciding where it lies packed among all does. A group that
// several keys lead to counts as often, as finding it does cost as much. The choice itself costs a look at each key.
func (x *Index) Candidates(keys []uint64, dst []uint32) (slots []uint32, narrow bool) {
	total := len(x.any)
	for _, key := range keys {
		if key == KeyAny {
			return dst, false
		}
		total += len(x.lists[key])
	}
	if total > x.len/3 {
		return dst, false
	}
	start := len(dst)
	dst = x.collect(x.any, dst)
	for _, key := range keys {
		dst = x.collect(x.lists[key], dst)
	}
	for _, slot := range dst[start:] {
		x.seen[slot>>6] = 0
	}
	return dst, true
}

func (x *Index) collect(list []posting, dst []uint32) []uint32 {
	for _, p := range list {
		if word, bit := &x.seen[p.slot>>6], uint64(1)<<(p.slot&63); *word&bit == 0 {
			*word |= bit
			dst = append(dst, p.slot)
		}
	}
	return dst
}
