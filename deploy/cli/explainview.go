package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weir/proto/weirpb"
)

// explanation is what "weir explain --json" prints.
type explanation struct {
	Channel   string `json:"channel"`
	Epoch     uint64 `json:"epoch"`
	Offset    uint64 `json:"offset"`
	Time      string `json:"time"`
	Key       string `json:"key,omitempty"`
	Tombstone bool   `json:"tombstone,omitempty"`
	// Verdict of all filters together is match, held or failed; absent for a tombstone, which concerns no filter.
	Verdict string            `json:"verdict,omitempty"`
	Filters []explainedFilter `json:"filters"`
	// Shown is what a subscriber gets of a match: a JSON value, or text.
	Shown any `json:"shown,omitempty"`
	// Told is how far a live subscription has been told, Past whether that is past the event, and OnFailure the namespace's
	// failure policy.
	Told      *cursorView `json:"told,omitempty"`
	Past      *bool       `json:"past,omitempty"`
	OnFailure string      `json:"on_filter_failure,omitempty"`
}

type cursorView struct {
	Epoch  uint64 `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// explainedFilter is what one filter says.
type explainedFilter struct {
	Filter    string `json:"filter"`
	Version   uint32 `json:"version"`
	SHA256    string `json:"sha256"`
	Params    string `json:"params"`
	Pinned    bool   `json:"pinned,omitempty"`
	Canary    bool   `json:"canary,omitempty"`
	Paused    bool   `json:"paused,omitempty"`
	ServesNow uint32 `json:"serves_now,omitempty"`
	Verdict   string `json:"verdict"`
	Error     string `json:"error,omitempty"`
	// Routing keys, where the filter has such: the event's, those that the params want, and those in common.
	EventKeys  []string `json:"event_keys,omitempty"`
	Interest   []string `json:"interest,omitempty"`
	SharedKeys []string `json:"shared_keys,omitempty"`
	keyed      bool
	Fuel       explainedFuel    `json:"fuel"`
	Log        []string         `json:"log"`
	Fallback   *explainedFilter `json:"fallback,omitempty"`
}

// explainedFuel is the fuel of each call; the same on every machine.
type explainedFuel struct {
	Prepare uint64 `json:"prepare"`
	Match   uint64 `json:"match"`
	Project uint64 `json:"project,omitempty"`
	Keys    uint64 `json:"keys,omitempty"`
}

func viewExplanation(x *weirpb.Explanation) *explanation {
	view := &explanation{
		Channel: x.GetChannel(), Epoch: x.GetEvent().GetEpoch(), Offset: x.GetEvent().GetOffset(), Time: timestamp(x.GetTimeMs()),
		Key: x.GetKey(), Tombstone: x.GetTombstone(), Verdict: verdictText(x.GetVerdict()), Filters: []explainedFilter{},
		OnFailure: x.GetOnFilterFailure(),
	}
	for _, f := range x.GetFilters() {
		view.Filters = append(view.Filters, *viewExplainedFilter(f))
	}
	if x.GetVerdict() == weirpb.Verdict_VERDICT_MATCH {
		view.Shown = shownAs(x.GetShown())
	}
	if view.OnFailure != "" { // a live subscription's
		view.Past = &x.Past
	}
	if told := x.GetTold(); told != nil {
		view.Told = &cursorView{told.GetEpoch(), told.GetOffset()}
	}
	return view
}

func viewExplainedFilter(f *weirpb.FilterExplanation) *explainedFilter {
	view := &explainedFilter{
		Filter: f.GetName(), Version: f.GetVersion(), SHA256: hex.EncodeToString(f.GetDigest()), Params: string(f.GetParams()),
		Pinned: f.GetPinned(), Canary: f.GetCanary(), Paused: f.GetPaused(), ServesNow: f.GetServesNow(),
		Verdict: verdictText(f.GetVerdict()), Error: f.GetFault().GetMessage(), keyed: f.GetKeyed(),
		EventKeys: keyTexts(f.GetEventKeys()), Interest: keyTexts(f.GetInterest()), SharedKeys: keyTexts(f.GetSharedKeys()),
		Fuel: explainedFuel{f.GetPrepareFuel(), f.GetMatchFuel(), f.GetProjectFuel(), f.GetKeysFuel()},
		Log:  append([]string{}, f.GetLog()...),
	}
	if f.GetFallback() != nil {
		view.Fallback = viewExplainedFilter(f.GetFallback())
	}
	return view
}

func verdictText(v weirpb.Verdict) string {
	switch v {
	case weirpb.Verdict_VERDICT_MATCH:
		return "match"
	case weirpb.Verdict_VERDICT_HELD:
		return "held"
	case weirpb.Verdict_VERDICT_FAILED:
		return "failed"
	}
	return ""
}

// keyTexts writes routing keys in hexadecimal: as JSON numbers they would lose their last digits.
func keyTexts(keys []uint64) []string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = fmt.Sprintf("%#x", k)
	}
	return texts
}

// shownAs returns a payload as it is printed.
func shownAs(payload []byte) any {
	if json.Valid(payload) {
		return json.RawMessage(payload)
	}
	return string(payload)
}

// print tells people.
func (x *explanation) print(con *console) error {
	var out explanationText
	out.line("event", strings.TrimSpace(fmt.Sprintf("%d:%d of %s, %s %s", x.Epoch, x.Offset, x.Channel, x.Time, printable(x.Key))))
	if x.Tombstone {
		out.line("verdict", "a tombstone: whoever is shown the key is told that it leaves, no filter is asked")
	} else {
		out.line("verdict", x.verdict(con))
	}
	for i := range x.Filters {
		out.filter(con, &x.Filters[i], "filter")
	}
	switch shown := x.Shown.(type) {
	case json.RawMessage:
		out.line("shown", printable(string(shown)))
	case string:
		out.line("shown", printable(shown))
	}
	switch {
	case x.Told == nil && x.Past != nil:
		out.line("told", "not known: the subscription is catching up")
	case x.Told != nil && *x.Past:
		out.line("told", fmt.Sprintf("up to %d:%d, past the event", x.Told.Epoch, x.Told.Offset))
	case x.Told != nil:
		out.line("told", fmt.Sprintf("up to %d:%d, the event is still to come", x.Told.Epoch, x.Told.Offset))
	}
	_, err := con.out.Write([]byte(out.String()))
	return err
}

// verdict says what all filters together come to, and which of them it is due to.
func (x *explanation) verdict(con *console) string {
	var blamed []string
	for _, f := range x.Filters {
		if f.decides() == x.Verdict {
			blamed = append(blamed, fmt.Sprintf("%s@%d", f.Filter, f.Version))
		}
	}
	by := strings.Join(slices.Compact(blamed), " and ")
	switch x.Verdict {
	case "held":
		return con.outStyle(yellow, "held back") + " by " + by
	case "failed":
		return con.outStyle(red, "failed") + ": " + by + " could not say; the namespace's failure policy decides"
	}
	if len(x.Filters) == 1 {
		return con.outStyle(green, "match") + ": the filter lets it through"
	}
	return con.outStyle(green, "match") + ": all filters let it through"
}

// decides is what a filter says, or where it fails the one that decides instead.
func (f *explainedFilter) decides() string {
	if f.Verdict == "failed" && f.Fallback != nil {
		return f.Fallback.decides()
	}
	return f.Verdict
}

// explanationText is what people read.
type explanationText struct{ strings.Builder }

func (t *explanationText) line(title, text string) { fmt.Fprintf(t, "%-8s %s\n", title, text) }

func (t *explanationText) filter(con *console, f *explainedFilter, title string) {
	name := fmt.Sprintf("%s@%d (sha256 %.12s…)", f.Filter, f.Version, f.SHA256)
	if f.Version == 0 {
		name = f.Filter
	}
	for _, note := range []struct {
		holds bool
		text  string
	}{
		{f.Pinned, "pinned by the token"},
		{f.Canary, "a canary"},
		{f.ServesNow != 0, fmt.Sprintf("version %d serves the subscription now", f.ServesNow)},
	} {
		if note.holds {
			name += ", " + note.text
		}
	}
	t.line(title, name)
	if f.Params != "" {
		t.line("", "params "+printable(f.Params))
	}
	said := "says " + f.Verdict
	if f.Error != "" {
		said += ": " + printable(f.Error)
	}
	t.line("", said)
	t.line("", fmt.Sprintf("fuel %d for the verdict, %d for checking the params", f.Fuel.Match, f.Fuel.Prepare))
	t.keys(f)
	for _, text := range f.Log {
		t.line("", con.outStyle(dim, "log ")+printable(text))
	}
	if f.Fallback != nil {
		t.filter(con, f.Fallback, "instead")
	}
}

// keys tells what the event's routing keys and those that are wanted have in common.
func (t *explanationText) keys(f *explainedFilter) {
	switch {
	case !f.keyed:
	case len(f.SharedKeys) > 0:
		t.line("", fmt.Sprintf("keys in common: %s; the event has %d, the params want %d",
			strings.Join(f.SharedKeys, " "), len(f.EventKeys), len(f.Interest)))
	default:
		t.line("", fmt.Sprintf("no key in common: the event has [%s], the params want [%s]",
			strings.Join(f.EventKeys, " "), strings.Join(f.Interest, " ")))
		if f.Verdict == "match" {
			t.line("", "its match and its keys contradict each other: an edge may hold the event back without asking it")
		}
	}
}
