package filters

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

// What a test calls of a filter.
const (
	callPrepare = iota
	callMatch
	callProject
	callKeys
	callInterest
	callPrepareMuch // with params that need a larger buffer than there is
)

// groups is how many groups hostile matches are asked about: not a multiple of 64, so that there are bits too many.
const hostileGroups = 100

// call makes one call, and checks that a failure leaves no answers.
func call(ctx context.Context, f *Filter, which int, event []byte) error {
	switch which {
	case callPrepare:
		_, err := f.Prepare(ctx, []byte("params"))
		return err
	case callPrepareMuch:
		if _, err := f.Prepare(ctx, []byte("params")); err != nil {
			return fmt.Errorf("with few params: %w", err)
		}
		_, err := f.Prepare(ctx, make([]byte, 10<<10))
		return err
	case callProject:
		got, err := f.Project(ctx, event, nil, []byte("before"))
		if err != nil && string(got) != "before" {
			return fmt.Errorf("a failed projection appended something: %w", err)
		}
		return err
	case callKeys:
		_, err := f.Keys(ctx, event, nil)
		return err
	case callInterest:
		_, err := f.Interest(ctx, nil, nil)
		return err
	}
	var set Set
	for range hostileGroups {
		set.Add(nil)
	}
	verdicts := NewBitmap(hostileGroups)
	verdicts.Set(3)
	err := f.Match(ctx, event, &set, verdicts)
	if err != nil && verdicts.Count() != 0 {
		return fmt.Errorf("a failed match left answers: %w", err)
	}
	return err
}

type hostile struct {
	module *wt.Module
	call   int
	code   fault.Code
	says   string
}

// hostileModules pass inspection and misbehave when called.
func hostileModules() map[string]hostile {
	bad := func(m *wt.Module, call int, says string) hostile {
		return hostile{module: m, call: call, code: fault.FilterFailed, says: says}
	}
	guest := wt.Guest
	match := func(says string, code ...[]byte) hostile {
		return bad(guest().With(wt.GuestMatch, code...), callMatch, says)
	}
	prepare := func(says string, code ...[]byte) hostile {
		return bad(guest().With(wt.GuestPrepare, code...), callPrepare, says)
	}
	zero := wt.Const64(0)
	spent := "it used up its fuel of 3"
	nested := func(code ...[]byte) hostile {
		return bad(guest().With(wt.GuestMatch, wt.Const(60), wt.Call(wt.GuestNext), zero).Add(wt.Func{Params: []byte{wt.I32}, Code: wt.Code(code...)}), callMatch, "")
	}
	deep := nested(wt.LocalGet(0), wt.Call(wt.GuestNext))
	deep.says = "it called itself too deeply"
	// Twice as many calls at each level: never deep, and never done.
	tree := nested(wt.LocalGet(0), wt.If(wt.LocalGet(0), wt.Const(1), wt.Sub(), wt.Call(wt.GuestNext), wt.LocalGet(0), wt.Const(1), wt.Sub(), wt.Call(wt.GuestNext)))
	tree.says = spent
	indirect := guest().With(wt.GuestMatch, wt.Const(0), []byte{0x11, 0, 0}, zero)
	indirect.Tables = []uint32{1}
	everySize := wt.Const(8 << 16)
	answers := func(word int64) []byte { return wt.Code(wt.LocalGet(4), wt.Const64(word), wt.Store64()) }

	return map[string]hostile{
		"loop in prepare":     prepare(spent, wt.Forever(), zero),
		"loop in match":       match(spent, wt.Forever(), zero),
		"loop in keys":        bad(guest().WithKeys(wt.Forever(), zero), callKeys, spent),
		"loop in interest":    bad(guest().WithKeys(wt.Forever(), zero), callInterest, spent),
		"loop in project":     bad(guest().WithProject(wt.Forever(), zero), callProject, spent),
		"loop that works":     match(spent, wt.Code([]byte{0x03, 0x40}, wt.LocalGet(5), wt.Const(1), wt.Add(), wt.LocalSet(5), []byte{0x0c, 0, 0x0b}), zero),
		"loop that fills":     match(spent, wt.Repeat(5, 1<<30, wt.Const(0), wt.Const(0), everySize, wt.Fill()), zero),
		"recursion":           deep,
		"tree of calls":       tree,
		"unreachable":         match("it trapped: unreachable", wt.Trap()),
		"reads outside":       match("it trapped: out of bounds memory access", wt.Const(-4), wt.Load(), wt.Drop(), zero),
		"writes outside":      match("it trapped: out of bounds memory access", everySize, wt.Const(1), wt.Store(), zero),
		"divides by zero":     match("it trapped: integer divide by zero", wt.Const(1), wt.Const(0), []byte{0x6d}, wt.Drop(), zero),
		"calls a null":        bad(indirect, callMatch, "it trapped: invalid table access"),
		"answers nonsense":    match("it returned 0x2a, neither 0 nor an error", wt.Const64(42)),
		"too many answers":    match("groups beyond the last of 100", wt.LocalGet(4), wt.Const(8), wt.Add(), wt.Const64(-1), wt.Store64(), zero),
		"match refuses":       match(`it says ""`, answers(-1), wt.Const64(wt.Failed(wt.PrivateAt, 0))),
		"error text outside":  match("its error text of 100 bytes at 1048576 is outside", wt.Const64(wt.Failed(1<<20, 100))),
		"prepared outside":    prepare("its answer of 1 bytes at 524288 is outside of the memory of 524288 bytes", wt.Const64(wt.Result(8<<16, 1))),
		"prepared overflows":  prepare("outside of the memory", wt.Const64(wt.Result(1<<31-1, 64<<10))),
		"prepared too long":   prepare("it answered with 4294967295 bytes, and at most 65536 are allowed", wt.Const64(wt.Result(wt.BufAt, 1<<32-1))),
		"too many keys":       bad(guest().WithKeys(wt.Const64(wt.Result(wt.BufAt, 65*8))), callKeys, "it answered with 520 bytes, and at most 512 are allowed"),
		"half a key":          bad(guest().WithKeys(wt.Const64(wt.Result(wt.BufAt, 12))), callKeys, "12 bytes, which are not keys"),
		"too much interest":   bad(guest().WithKeys(wt.Const64(wt.Result(wt.BufAt, 65*8))), callInterest, "it answered with 520 bytes"),
		"projection too long": bad(guest().WithProject(wt.Const64(wt.Result(wt.BufAt, 128<<10+1))), callProject, "at most 131072 are allowed"),
		"projection outside":  bad(guest().WithProject(wt.Const64(wt.Result(8<<16-1, 2))), callProject, "outside of the memory"),
		"no project":          bad(guest(), callProject, "it does not export it"),
		"no keys":             bad(guest(), callKeys, "it does not export it"),
		"logs from outside":   bad(logging(wt.Const(-1), wt.Const(1)), callMatch, "weir.log was given text outside"),
		"refuses without text": {
			guest().With(wt.GuestPrepare, wt.Const64(wt.Failed(0, 0))), callPrepare, fault.FilterParams, "doesn't say why",
		},
		"refuses in binary": {
			guest().With(wt.GuestPrepare, wt.Const(wt.PrivateAt), wt.Const(int32(int64(0x80_41_0a_ff)-1<<32)), wt.Store(), wt.Const64(wt.Failed(wt.PrivateAt, 4))),
			callPrepare, fault.FilterParams, "filter_params_invalid: A",
		},
		"refuses at length": {
			guest().With(wt.GuestPrepare, wt.Const(0), wt.Const('x'), wt.Const(100_000), wt.Fill(), wt.Const64(wt.Failed(0, 100_000))),
			callPrepare, fault.FilterParams, strings.Repeat("x", 500) + "xxxxxxxxxxx...",
		},
	}
}

// logging returns a guest that logs in match.
func logging(ptr, size []byte) *wt.Module {
	g := wt.Guest()
	g.Imports = []wt.Import{{Module: "weir", Name: "log", Params: []byte{wt.I32, wt.I32}}}
	return g.With(wt.GuestMatch, ptr, size, wt.Call(0), wt.Const64(0))
}

func TestHostileFiltersFailAloneAndWithAReason(t *testing.T) {
	e := newEngine(t, Config{Limits: testLimits})
	modules := hostileModules()
	maps.Copy(modules, endlessModules())
	good := open(t, e, viewportModule())
	stop := goOnAnswering(t, good)
	defer stop()
	ev := event(t, "{}")
	for name, h := range modules {
		f := open(t, e, h.module.Bytes())
		// Again and again: a broken instance must not be used by the next call.
		for range 3 {
			err := call(t.Context(), f, h.call, ev)
			if fault.CodeOf(err) != h.code || !strings.Contains(err.Error(), h.says) {
				t.Errorf("%s: %v, want %s: %q", name, err, h.code, h.says)
			}
		}
	}
}

// goOnAnswering asks a filter from two goroutines until the function that it returns is called, and checks the answers.
func goOnAnswering(t *testing.T, viewport *Filter) (stop func()) {
	zurich := prepare(t, viewport, `{"west":8,"south":47,"east":9,"north":48}`)
	inside, outside := event(t, `{"lon":8.5,"lat":47.4}`), event(t, `{"lon":9.5,"lat":47.4}`)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var set Set
			set.Add(zurich)
			verdicts := NewBitmap(1)
			for n := 0; ; n++ {
				ev, want := inside, true
				if n%2 == 1 {
					ev, want = outside, false
				}
				if err := viewport.Match(context.Background(), ev, &set, verdicts); err != nil || verdicts.Get(0) != want {
					t.Errorf("the good filter answers %v, %v", verdicts.Get(0), err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	return func() {
		close(done)
		wg.Wait()
	}
}
