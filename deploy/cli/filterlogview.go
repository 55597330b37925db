package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"weir/proto/weirpb"
)

// logLineView is a line that a filter has said, in JSON.
type logLineView struct {
	Time    string `json:"time"`
	Edge    string `json:"edge"`
	Filter  string `json:"filter"`
	Version uint32 `json:"version"`
	// Channel of the event that the filter was asked about; none: it was asked about params.
	Channel string `json:"channel,omitempty"`
	Text    string `json:"text"`
	// NotShown is how many lines the version has said on that edge before this one which were not kept.
	NotShown uint64 `json:"not_shown,omitempty"`
}

// A logTalker is one version of a filter on one edge.
type logTalker struct {
	instance, name string
	version        uint32
}

// A logReader prints lines once each, and counts those that are missing between them.
type logReader struct {
	con    *console
	json   bool
	asked  bool                 // there was an answer
	shown  map[logTalker]uint64 // the number of the latest line that was shown
	said   map[logTalker]uint64 // how many lines there were by the latest answer
	hosts  map[string]string    // of edges, by instance
	warned string               // the latest warning
}

// positions returns how far the reader has got.
func (r *logReader) positions() []*weirpb.FilterLogPosition {
	var all []*weirpb.FilterLogPosition
	for t, n := range r.shown {
		all = append(all, &weirpb.FilterLogPosition{Instance: t.instance, Name: t.name, Version: t.version, Number: n})
	}
	return all
}

// print prints the lines that have not been printed yet.
func (r *logReader) print(response *weirpb.GetFilterLogsResponse) error {
	r.asked = true
	if n := response.GetUnaskedNodes(); n > 0 {
		r.warn(fmt.Sprintf("%d of the hub's nodes did not answer: lines that they alone have are missing", n))
	} else {
		r.warned = ""
	}
	for _, line := range response.GetLines() {
		if err := r.line(line); err != nil {
			return err
		}
	}
	r.said = map[logTalker]uint64{}
	for _, p := range response.GetPositions() {
		r.said[logTalker{p.GetInstance(), p.GetName(), p.GetVersion()}] = p.GetNumber()
	}
	return nil
}

func (r *logReader) line(line *weirpb.EdgeFilterLine) error {
	l := line.GetLine()
	t := logTalker{line.GetInstance(), l.GetName(), l.GetVersion()}
	if l.GetNumber() <= r.shown[t] {
		return nil
	}
	missing := l.GetNumber() - r.shown[t] - 1
	r.shown[t], r.hosts[t.instance] = l.GetNumber(), line.GetHost()
	view := logLineView{
		Time: timestamp(l.GetTimeMs()), Edge: line.GetHost(), Filter: l.GetName(), Version: l.GetVersion(), Channel: l.GetChannel(),
		Text: l.GetText(), NotShown: missing,
	}
	if r.json {
		return r.con.printJSON(view)
	}
	if missing > 0 {
		if _, err := fmt.Fprintln(r.con.out, r.con.outStyle(dim, r.missing(t, missing))); err != nil {
			return err
		}
	}
	about := cmp.Or(l.GetChannel(), "(params)")
	_, err := fmt.Fprintf(r.con.out, "%s %s %s@%d %s: %s\n", r.con.outStyle(dim, view.Time), printable(view.Edge), view.Filter, view.Version,
		printable(about), printable(view.Text))
	return err
}

func (r *logReader) missing(t logTalker, n uint64) string {
	return fmt.Sprintf("... %s of %s@%d on %s not kept", lineCount(n), t.name, t.version, printable(cmp.Or(r.hosts[t.instance], fmt.Sprintf("edge %.8s", t.instance))))
}

func lineCount(n uint64) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// warn writes something about the answers themselves, once as long as it goes on.
func (r *logReader) warn(text string) {
	if text != r.warned {
		r.warned = text
		fmt.Fprintln(r.con.err, text)
	}
}

// end tells which lines came after the last that was shown, or why there are none at all.
func (r *logReader) end(name string, followed bool) error {
	if !r.asked {
		return nil
	}
	talkers := slices.SortedFunc(maps.Keys(r.said), func(a, b logTalker) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version), cmp.Compare(a.instance, b.instance))
	})
	for _, t := range talkers {
		if n := r.said[t]; n > r.shown[t] {
			if _, err := fmt.Fprintln(r.con.err, r.missing(t, n-r.shown[t])); err != nil {
				return err
			}
		}
	}
	if len(r.said) == 0 && len(r.shown) == 0 && !followed {
		who := "no filter has"
		if name != "" {
			who = fmt.Sprintf("the filter %s has not", name)
		}
		_, err := fmt.Fprintf(r.con.err, "%s said anything lately; filters say something with the SDK's log function, when an edge asks them\n", who)
		return err
	}
	return nil
}
