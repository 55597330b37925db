package filters

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// alone has an instance answer that has never been called and is thrown away afterwards. Nobody waits for it who could not wait
// longer, so it runs aside. It takes one of the filter's places meanwhile, so that Close waits for it. What it uses is counted nowhere: it is the host that asks once more.
func (f *Filter) alone(ctx context.Context, do func(in *instance) error) error {
	standing, err := f.pool.admit(ctx, true)
	if err != nil {
		return err
	}
	defer func() {
		f.pool.end(standing, Cost{})
		<-f.pool.slots
	}()
	f.program.engine.annex.run(func(at *thread) {
		var in *instance
		if in, err = f.pool.instantiate(ctx, seat{standing, at}); err != nil {
			return
		}
		defer f.pool.discard(in)
		in.listen = func(string) {} // what is said once more has been heard
		err = do(in)
	})
	return err
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
