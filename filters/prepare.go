package filters

import (
	"context"
	"errors"

	"weir/proto/fault"
)

// Prepare has the filter check and parse a subscriber's params. The fault is filter_params_invalid with the filter's
// own message, or filter_failed.
func (f *Filter) Prepare(ctx context.Context, params []byte) (prepared []byte, err error) {
	if len(params) > f.limits.ParamsBytes {
		return nil, fault.New(fault.FilterParams, "the params have %d bytes, and at most %d are allowed", len(params), f.limits.ParamsBytes)
	}
	err = f.call(ctx, exportPrepare, true, func(in *instance) error {
		b, err := in.call(in.prepare, f.limits.PreparedBytes, params)
		if err == nil {
			// Never nil, which would stand for a free slot in a Set.
			prepared = append(make([]byte, 0, len(b)), b...)
		}
		return err
	})
	var refusal *refusalError
	if errors.As(err, &refusal) {
		text := refusal.text
		if text == "" {
			text = "the filter refuses these params and doesn't say why"
		}
		return nil, fault.New(fault.FilterParams, "%s", text)
	}
	return prepared, err
}
