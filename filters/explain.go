package filters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// maxExplainedLog is how many of the filter's lines an explanation has: each may have 256 bytes, and an explanation has to fit
// into a frame.
const maxExplainedLog = 40

// Explain says what the filter says about an event, as AppendEvent made it, for a subscriber with these params: the verdict,
// the routing keys, the fuel of each call and what was logged. It asks instances that have never been called, and the answer
// is the same on every machine. That the filter refuses the params, or fails, is part of the explanation; an error is not
// about the filter. The fields that say which filter it is are the caller's to fill in.
func (f *Filter) Explain(ctx context.Context, event, params []byte) (*weirpb.FilterExplanation, error) {
	abilities := f.program.manifest.Abilities
	q := &inquiry{filter: f, x: &weirpb.FilterExplanation{
		Keyed: slices.Contains(abilities, AbilityKeys), Projects: slices.Contains(abilities, AbilityProject),
	}}
	err := q.decide(ctx, event, params)
	return q.x, q.unlessGuests(err)
}

// ExplainShown adds to an explanation what showing an event takes, and returns what a subscriber with these params is shown of
// it: nil if the filter fails, which is part of the explanation, as in Explain, and makes its verdict VERDICT_FAILED.
func (f *Filter) ExplainShown(ctx context.Context, x *weirpb.FilterExplanation, event, params []byte) ([]byte, error) {
	q := &inquiry{filter: f, x: x}
	var shown []byte
	err := q.ask(ctx, exportPrepare, new(uint64), func(in *instance) error { // its fuel is in x already
		prepared, err := in.call(in.prepare, f.limits.PreparedBytes, params)
		shown = append(shown, prepared...)
		return err
	})
	if err == nil {
		prepared := shown
		err = q.ask(ctx, exportProject, &x.ProjectFuel, func(in *instance) error {
			out, err := in.call(in.project, f.limits.OutputBytes, event, prepared)
			shown = append([]byte{}, out...)
			return err
		})
	}
	if err != nil {
		return nil, q.unlessGuests(err)
	}
	return shown, nil
}

// An inquiry is an explanation in the making.
type inquiry struct {
	filter *Filter
	x      *weirpb.FilterExplanation
}

// A guestError is what a guest has failed with.
type guestError struct{ fault *fault.Fault }

func (e *guestError) Error() string { return e.fault.Error() }

// unlessGuests returns err, or notes it in the explanation and returns nil where it is the guest's.
func (q *inquiry) unlessGuests(err error) error {
	var guest *guestError
	if !errors.As(err, &guest) {
		return err
	}
	q.x.Verdict, q.x.Fault = weirpb.Verdict_VERDICT_FAILED, guest.fault.ToProto()
	return nil
}

func (q *inquiry) decide(ctx context.Context, event, params []byte) error {
	var set Set
	err := q.ask(ctx, exportPrepare, &q.x.PrepareFuel, func(in *instance) error {
		if n := len(params); n > q.filter.limits.ParamsBytes {
			return &refusalError{fmt.Sprintf("the params have %d bytes, and at most %d are allowed", n, q.filter.limits.ParamsBytes)}
		}
		prepared, err := in.call(in.prepare, q.filter.limits.PreparedBytes, params)
		if err == nil {
			set.Add(prepared)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := q.compareKeys(ctx, event, set.Prepared(0)); err != nil {
		return err
	}
	return q.ask(ctx, exportMatch, &q.x.MatchFuel, func(in *instance) error {
		err := in.decide(event, set.pack())
		if err != nil {
			return err
		}
		q.x.Verdict = weirpb.Verdict_VERDICT_HELD
		if in.answer.Get(0) {
			q.x.Verdict = weirpb.Verdict_VERDICT_MATCH
		}
		return nil
	})
}

// compareKeys notes the routing keys of both sides, where the filter has such.
func (q *inquiry) compareKeys(ctx context.Context, event, prepared []byte) error {
	if !q.x.Keyed {
		return nil
	}
	keys := func(export string, function func(*instance) api.Function, input []byte, to *[]uint64) error {
		return q.ask(ctx, export, &q.x.KeysFuel, func(in *instance) (err error) {
			*to, err = in.appendKeys(function(in), input, nil)
			return err
		})
	}
	if err := keys(exportKeys, (*instance).eventKeys, event, &q.x.EventKeys); err != nil {
		return err
	}
	if err := keys(exportInterest, (*instance).interestKeys, prepared, &q.x.Interest); err != nil {
		return err
	}
	q.x.SharedKeys = SharedKeys(q.x.EventKeys, q.x.Interest)
	return nil
}

// ask does one call of the guest on an instance of its own, listens to what it says and adds its fuel to spent. An error of do
// is a *guestError.
func (q *inquiry) ask(ctx context.Context, export string, spent *uint64, do func(in *instance) error) error {
	return q.filter.alone(ctx, func(in *instance) error {
		in.listen = func(text string) {
			if len(q.x.Log) < maxExplainedLog {
				q.x.Log = append(q.x.Log, text)
			}
		}
		err := do(in)
		*spent += in.fuelUsed
		if err == nil {
			return nil
		}
		var refusal *refusalError
		if export == exportPrepare && errors.As(err, &refusal) {
			return &guestError{fault.New(fault.FilterParams, "%s", refusal.text)}
		}
		return &guestError{failed(export, err)}
	})
}
