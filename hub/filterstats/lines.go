package filterstats

import (
	"cmp"
	"slices"

	"weir/proto/weirpb"
)

// maxLineText bounds what is kept of a line, in bytes: filters' lines are cut at 256, and what can't be read grows.
const maxLineText = 1 << 10

// A talker is one version of a tenant's filter on one edge: it numbers what it says.
type talker struct {
	instance, name string
	version        uint32
}

func talkerOf(l *weirpb.EdgeFilterLine) talker {
	return talker{l.GetInstance(), l.GetLine().GetName(), l.GetLine().GetVersion()}
}

func talkerAt(p *weirpb.FilterLogPosition) talker {
	return talker{p.GetInstance(), p.GetName(), p.GetVersion()}
}

// addLine keeps what a filter has said on an edge, unless it is kept already. mu is held.
func (l *Ledger) addLine(e *edge, line *weirpb.FilterLine) {
	if len(line.GetText()) > maxLineText {
		line.Text = line.Text[:maxLineText]
	}
	fresh := &weirpb.EdgeFilterLine{Instance: e.instance, Host: e.host, Line: line}
	for _, kept := range slices.Backward(l.lines.Of(line.GetTenant())) {
		if talkerOf(kept) == talkerOf(fresh) {
			if kept.GetLine().GetNumber() >= line.GetNumber() {
				return
			}
			break
		}
	}
	l.lines.Add(line.GetTenant(), fresh)
}

// Lines returns what the filters of a tenant have said lately, or one of them, and how much in all, on edges that have not
// been gone for long.
func (l *Ledger) Lines(r *weirpb.GetFilterLogsRequest) *weirpb.GetFilterLogsResponse {
	l.mu.Lock()
	defer l.mu.Unlock()
	after := positions(r.GetAfter())
	said := map[talker]uint64{}
	response := &weirpb.GetFilterLogsResponse{}
	for _, line := range l.lines.Of(r.GetTenant()) {
		if r.GetName() != "" && line.GetLine().GetName() != r.GetName() {
			continue
		}
		t, n := talkerOf(line), line.GetLine().GetNumber()
		said[t] = max(said[t], n)
		if n > after[t] {
			response.Lines = append(response.Lines, line)
		}
	}
	for _, e := range l.edges {
		for v, row := range e.rows {
			if n := row.GetCounts().GetLines(); n > 0 && v.tenant == r.GetTenant() && (r.GetName() == "" || v.name == r.GetName()) {
				t := talker{e.instance, v.name, v.number}
				said[t] = max(said[t], n)
			}
		}
	}
	response.Positions = listPositions(said)
	sortLines(response.Lines)
	return response
}

// positions makes a list searchable.
func positions(list []*weirpb.FilterLogPosition) map[talker]uint64 {
	all := make(map[talker]uint64, len(list))
	for _, p := range list {
		all[talkerAt(p)] = max(all[talkerAt(p)], p.GetNumber())
	}
	return all
}

func listPositions(all map[talker]uint64) []*weirpb.FilterLogPosition {
	list := make([]*weirpb.FilterLogPosition, 0, len(all))
	for t, n := range all {
		list = append(list, &weirpb.FilterLogPosition{Instance: t.instance, Name: t.name, Version: t.version, Number: n})
	}
	slices.SortFunc(list, func(a, b *weirpb.FilterLogPosition) int {
		return cmp.Or(cmp.Compare(a.GetInstance(), b.GetInstance()), cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetVersion(), b.GetVersion()))
	})
	return list
}

// sortLines puts lines in the order of time, and those of one talker, whose clock may have been set back, in that of numbers.
func sortLines(lines []*weirpb.EdgeFilterLine) {
	slices.SortStableFunc(lines, func(a, b *weirpb.EdgeFilterLine) int {
		if talkerOf(a) == talkerOf(b) {
			return cmp.Compare(a.GetLine().GetNumber(), b.GetLine().GetNumber())
		}
		return cmp.Compare(a.GetLine().GetTimeMs(), b.GetLine().GetTimeMs())
	})
}
