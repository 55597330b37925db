package filters

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// alone has an instance answer that has never been called and is thrown away afterwards. It takes one of the filter's places
// meanwhile, so that Close waits for it. What it uses is counted nowhere: it is the host that asks once more.
func (f *Filter) alone(ctx context.Context, do func(in *instance) error) error {
	if err := f.pool.enter(ctx); err != nil {
		return err
	}
	defer func() { <-f.pool.slots }()
	if err := f.pool.begin(ctx); err != nil {
		return err
	}
	defer f.pool.end(Cost{})
	in, err := f.pool.instantiate(ctx)
	if err != nil {
		return err
	}
	defer f.pool.discard(in)
	return do(in)
}

// keysAlone returns the routing keys that a function answers for an input, on an instance of their own.
func (f *Filter) keysAlone(ctx context.Context, function func(*instance) api.Function, input []byte) (keys []uint64, err error) {
	err = f.alone(ctx, func(in *instance) (err error) {
		keys, err = in.appendKeys(function(in), input, nil)
		return err
	})
	return keys, err
}

func (in *instance) eventKeys() api.Function    { return in.keys }
func (in *instance) interestKeys() api.Function { return in.interest }
