package filterstats

import (
	"cmp"
	"slices"

	"weir/proto/weirpb"
)

// maxLineText bounds what is kept of a line, in bytes: filters' lines are cut at 256, and what can't be read grows.
const maxLineText = 1 << 10

// A heard line is one that an edge has reported, and when.
type heard struct {
	*weirpb.EdgeFilterLine
	at int64 // milliseconds since the Unix epoch
}

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
	fresh := heard{&weirpb.EdgeFilterLine{Instance: e.instance, Host: e.host, Line: line}, l.now().UnixMilli()}
	for _, kept := range slices.Backward(l.lines.Of(line.GetTenant())) {
		if talkerOf(kept.EdgeFilterLine) == talkerOf(fresh.EdgeFilterLine) {
			if kept.GetLine().GetNumber() >= line.GetNumber() {
				return
			}
			break
		}
	}
	l.lines.Add(line.GetTenant(), fresh)
}

// Lines returns what versions of a tenant's filters have said lately, after certain positions, and how much in all. What was heard
// before a version was made is another's, of a tenant of the same name.
func (l *Ledger) Lines(tenant string, versions []*weirpb.FilterVersion, after []*weirpb.FilterLogPosition) *weirpb.GetFilterLogsResponse {
	l.mu.Lock()
	defer l.mu.Unlock()
	type numbered struct {
		name   string
		number uint32
	}
	made := map[numbered]int64{}
	said := map[talker]uint64{}
	for _, v := range versions {
		made[numbered{v.GetName(), v.GetVersion()}] = v.GetCreatedMs()
		for _, e := range l.edges {
			row := e.rows[versionOf(v.GetTenant(), v.GetName(), v.GetVersion(), v.GetDigest())]
			if n := row.GetCounts().GetLines(); n > 0 {
				said[talker{e.instance, v.GetName(), v.GetVersion()}] = n
			}
		}
	}
	response := &weirpb.GetFilterLogsResponse{}
	known := positions(after)
	for _, line := range l.lines.Of(tenant) {
		t, n := talkerOf(line.EdgeFilterLine), line.GetLine().GetNumber()
		if since, ok := made[numbered{t.name, t.version}]; !ok || line.at < since {
			continue
		}
		said[t] = max(said[t], n)
		if n > known[t] {
			response.Lines = append(response.Lines, line.EdgeFilterLine)
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
