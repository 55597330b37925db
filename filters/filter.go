package filters

import (
	"context"

	"weir/proto/fault"
)

// A Filter is an opened module. It is safe for concurrent use.
type Filter struct{}

func (f *Filter) fail() error { return fault.New(fault.FilterFailed, "no filter runs yet") }

// Manifest says what the module is.
func (f *Filter) Manifest() Manifest { return Manifest{} }

// Close ends the use of the filter. Calls that are running finish first.
func (f *Filter) Close() error { return nil }

// Prepare has the filter check and parse a subscriber's params. The fault is filter_params_invalid with the filter's
// own message, or filter_failed.
func (f *Filter) Prepare(context.Context, []byte) (prepared []byte, err error) { return nil, f.fail() }

// Match has the filter decide about one event for all groups of a set: bit i of verdicts says whether the group in slot
// i is to get it. event is what AppendEvent made; verdicts has room for set.Slots() bits and is overwritten, also on
// failure (fault filter_failed), when all its bits are 0.
func (f *Filter) Match(_ context.Context, _ []byte, _ *Set, verdicts Bitmap) error {
	verdicts.Reset()
	return f.fail()
}

// Project appends the payload that a group is shown instead of the event's own.
func (f *Filter) Project(_ context.Context, _, _, dst []byte) ([]byte, error) { return dst, f.fail() }

// Keys appends the event's routing keys.
func (f *Filter) Keys(_ context.Context, _ []byte, dst []uint64) ([]uint64, error) {
	return dst, f.fail()
}

// Interest appends the routing keys that a group wants.
func (f *Filter) Interest(_ context.Context, _ []byte, dst []uint64) ([]uint64, error) {
	return dst, f.fail()
}
