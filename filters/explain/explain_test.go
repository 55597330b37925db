package explain

import (
	"context"
	"errors"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// fake says what it is told to say, and shows what it got with its name behind it.
type fake struct {
	verdict  weirpb.Verdict
	projects string
	broken   bool // cannot show
	err      error
}

func (f fake) Explain(context.Context, []byte, []byte) (*weirpb.FilterExplanation, error) {
	x := &weirpb.FilterExplanation{Verdict: f.verdict, Projects: f.projects != "", MatchFuel: 5}
	if f.verdict == weirpb.Verdict_VERDICT_FAILED {
		x.Fault = fault.New(fault.FilterFailed, "boom").ToProto()
	}
	return x, f.err
}

func (f fake) ExplainShown(_ context.Context, x *weirpb.FilterExplanation, event, _ []byte) ([]byte, error) {
	if f.broken {
		x.Verdict = weirpb.Verdict_VERDICT_FAILED
		return nil, nil
	}
	return append(payloadOf(event), f.projects...), nil
}

// payloadOf reads the payload of an event as filters read it (ABI.md, "The event").
func payloadOf(event []byte) []byte {
	at, n := int(event[48])|int(event[49])<<8, int(event[52])|int(event[53])<<8
	return append([]byte(nil), event[at:at+n]...)
}

var (
	match  = fake{verdict: weirpb.Verdict_VERDICT_MATCH}
	held   = fake{verdict: weirpb.Verdict_VERDICT_HELD}
	failed = fake{verdict: weirpb.Verdict_VERDICT_FAILED}
)

func shows(text string) fake { return fake{verdict: weirpb.Verdict_VERDICT_MATCH, projects: text} }

func of(m fake) Filter {
	return Filter{Module: m, About: &weirpb.FilterExplanation{Name: "f", Version: 1}}
}

func rescued(m, by fake) Filter {
	f, other := of(m), of(by)
	f.Fallback = &other
	return f
}

func paused() Filter {
	return Filter{About: &weirpb.FilterExplanation{Name: "f", Version: 1, Paused: true}}
}

func TestAnswer(t *testing.T) {
	const (
		yes  = weirpb.Verdict_VERDICT_MATCH
		no   = weirpb.Verdict_VERDICT_HELD
		lost = weirpb.Verdict_VERDICT_FAILED
	)
	broken := fake{verdict: yes, projects: "x", broken: true}
	for name, tc := range map[string]struct {
		filters []Filter
		open    bool
		want    weirpb.Verdict
		shown   string
	}{
		"none":                        {nil, false, yes, "p"},
		"match":                       {[]Filter{of(match)}, false, yes, "p"},
		"held":                        {[]Filter{of(held)}, false, no, ""},
		"one holds back":              {[]Filter{of(match), of(held), of(match)}, false, no, ""},
		"failed":                      {[]Filter{of(failed)}, false, lost, ""},
		"failed, let through":         {[]Filter{of(failed)}, true, yes, "p"},
		"failed and held":             {[]Filter{of(failed), of(held)}, false, no, ""},
		"a fallback matches":          {[]Filter{rescued(failed, match)}, false, yes, "p"},
		"a fallback holds back":       {[]Filter{rescued(failed, held)}, true, no, ""},
		"a fallback fails":            {[]Filter{rescued(failed, failed)}, false, lost, ""},
		"paused":                      {[]Filter{paused()}, false, lost, ""},
		"paused, let through":         {[]Filter{paused()}, true, yes, "p"},
		"shown one upon the other":    {[]Filter{of(shows("1")), of(match), of(shows("2"))}, false, yes, "p12"},
		"a fallback is no projection": {[]Filter{rescued(failed, shows("2"))}, false, yes, "p"},
		"a fallback shows":            {[]Filter{rescued(broken, shows("2"))}, false, yes, "p2"},
		"can't be shown":              {[]Filter{of(broken)}, false, lost, ""},
		"can't be shown, let through": {[]Filter{of(broken)}, true, yes, "p"},
		"a fallback shows nothing":    {[]Filter{rescued(broken, match)}, false, lost, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := Answer(t.Context(), &Question{
				Channel: "c", Epoch: 7, Event: &weirpb.Event{Offset: 3, TimeMs: 4, Payload: []byte("p")}, Filters: tc.filters, Open: tc.open,
			})
			if err != nil {
				t.Fatal(err)
			}
			if x.GetVerdict() != tc.want || string(x.GetShown()) != tc.shown || len(x.GetFilters()) != len(tc.filters) ||
				x.GetEvent().GetEpoch() != 7 || x.GetEvent().GetOffset() != 3 {
				t.Errorf("%v", x)
			}
		})
	}
}

func TestTombstonesAreNoFiltersBusiness(t *testing.T) {
	x, err := Answer(t.Context(), &Question{Channel: "c", Event: &weirpb.Event{Offset: 1, Key: "k", Tombstone: true}, Filters: []Filter{of(held)}})
	if err != nil || x.GetVerdict() != weirpb.Verdict_VERDICT_UNSPECIFIED || len(x.GetFilters()) != 0 || !x.GetTombstone() {
		t.Errorf("%v, %v", x, err)
	}
}

func TestWhatIsNotTheFiltersFaultIsAnError(t *testing.T) {
	away := errors.New("away")
	_, err := Answer(t.Context(), &Question{Channel: "c", Event: &weirpb.Event{}, Filters: []Filter{of(fake{err: away})}})
	if !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
}
