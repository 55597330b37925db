package filters

import "context"

// Project appends the payload that a group is shown instead of the event's own. event is what AppendEvent made. A filter
// without the ability answers filter_failed.
func (f *Filter) Project(ctx context.Context, event, prepared, dst []byte) ([]byte, error) {
	err := f.call(ctx, exportProject, true, func(in *instance) error {
		in.event = event
		b, err := in.call(in.project, in.limits.OutputBytes, event, prepared)
		in.cost.OutputBytes += uint64(len(b))
		dst = append(dst, b...)
		return err
	})
	return dst, err
}
