package cli

import "time"

// A listing is what a "list" command prints: a table for people, or a JSON object a line.
type listing struct {
	none   string // what a table without rows says
	header []string
	rows   [][]string
	views  []any
}

// add appends one thing: as it is in JSON, and the cells of its row.
func (l *listing) add(view any, cells ...string) {
	l.views = append(l.views, view)
	l.rows = append(l.rows, cells)
}

func (l *listing) print(con *console, asJSON bool) error {
	if !asJSON {
		return con.printTable(l.none, l.header, l.rows)
	}
	for _, view := range l.views {
		if err := con.printJSON(view); err != nil {
			return err
		}
	}
	return nil
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// timestamp formats milliseconds since the Unix epoch.
func timestamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format(timeLayout)
}
