package filtercounts_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"weir/proto/filtercounts"
	"weir/proto/weirpb"
)

// all sets every count to n, also those that are new to the schema.
func all(n uint64) *weirpb.FilterCounts {
	c := &weirpb.FilterCounts{}
	m := c.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		m.Set(m.Descriptor().Fields().Get(i), protoreflect.ValueOfUint64(n))
	}
	return c
}

func TestEveryCountTakesPart(t *testing.T) {
	for called, c := range map[string]struct {
		do         func(a, b *weirpb.FilterCounts)
		a, b, want uint64
	}{
		"add":           {filtercounts.Add, 2, 3, 5},
		"subtract":      {filtercounts.Subtract, 5, 3, 2},
		"subtract more": {filtercounts.Subtract, 3, 5, 0},
		"raise":         {filtercounts.Raise, 2, 3, 3},
		"raise to less": {filtercounts.Raise, 3, 2, 3},
	} {
		a := all(c.a)
		if c.do(a, all(c.b)); !proto.Equal(a, all(c.want)) {
			t.Errorf("%s: %v", called, a)
		}
	}
}
