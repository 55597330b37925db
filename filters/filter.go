package filters

import (
	"context"
	"errors"
	"sync"
)

// A Filter is an opened module. It is safe for concurrent use: calls beyond Limits.Instances wait for each other, for as
// long as their context allows. A call itself is short, and is not ended by its context.
type Filter struct {
	program *program
	limits  Limits // the engine's
	pool    *pool
	usage   usage
	once    sync.Once // closes
}

func newFilter(p *program, terms Terms) *Filter {
	return &Filter{program: p, limits: p.engine.limits, pool: newPool(p, terms)}
}

// Manifest says what the module is.
func (f *Filter) Manifest() Manifest {
	m := f.program.manifest
	m.Abilities = append([]string(nil), m.Abilities...)
	return m
}

// Close ends the use of the filter. Calls that are running finish first; later ones fail.
func (f *Filter) Close() error {
	f.once.Do(func() {
		f.pool.close()
		f.program.engine.release(f.program)
	})
	return nil
}

// call does one call of a guest on an instance that is fit for it; private says that it serves one subscriber alone. An
// error of do concerns the guest, and becomes a fault.
func (f *Filter) call(ctx context.Context, export string, private bool, do func(in *instance) error) error {
	return f.use(ctx, func(at seat) error {
		in, err := f.pool.get(ctx, at, private)
		if err != nil {
			return err
		}
		err = do(in)
		f.count(in, err)
		return f.end(in, export, err)
	})
}

// use has do run where the account says. Where do returns errLeft, and so has ended what it began, it runs once more.
func (f *Filter) use(ctx context.Context, do func(seat) error) error {
	standing, err := f.pool.admit(ctx, false)
	if err != nil {
		return err
	}
	if standing != Aside {
		if err = do(seat{standing: standing}); err != errLeft {
			return err
		}
		if standing, err = f.pool.admit(ctx, true); err != nil {
			return err
		}
	}
	f.program.engine.annex.run(func(at *thread) { err = do(seat{standing, at}) })
	return err
}

// end ends a use whose last call, of export, has ended with err.
func (f *Filter) end(in *instance, export string, err error) error {
	left := err != nil && errors.Is(err, errLeft)
	if left { // what it has used was in vain, and how often that is depends on what else is going on
		in.cost = Cost{Upkeep: in.cost.Fuel + in.cost.Upkeep}
	}
	f.usage.add(in.cost)
	f.pool.put(in, broken(err))
	switch {
	case left:
		return errLeft
	case err != nil:
		return failed(export, err)
	}
	return nil
}

// broken reports whether an instance must not be used again after a call that ended with err. One whose guest merely said
// no is sound.
func broken(err error) bool {
	if err == nil {
		return false
	}
	var refusal *refusalError // escapes, so not before it is known to be needed
	return !errors.As(err, &refusal)
}
