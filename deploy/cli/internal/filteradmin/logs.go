package filteradmin

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"weir/deploy/cli/internal/guestlog"
	"weir/edge"
)

// keptLines is how many lines are kept of all filters together, for who asks later or reads slowly: some 300 KB. The engine
// lets each instance write 10 a second.
const keptLines = 1000

// Logs keeps the latest lines that filters have said. It is safe for concurrent use.
type Logs struct {
	mu      sync.Mutex
	lines   []guestlog.Line // guarded by mu: the latest, of which the first is number first
	first   uint64          // guarded by mu
	changed chan struct{}   // guarded by mu: closed and replaced with each line
	closed  chan struct{}
}

// NewLogs returns Logs without lines.
func NewLogs() *Logs { return &Logs{changed: make(chan struct{}), closed: make(chan struct{})} }

// Logger returns the logger for an engine whose filters' lines are to be kept; all that it logs goes to log as well.
func (l *Logs) Logger(log *slog.Logger) *slog.Logger {
	return slog.New(guestlog.Handler(log.Handler(), l.add))
}

// Close ends the answers of those who follow. It is called once.
func (l *Logs) Close() { close(l.closed) }

func (l *Logs) add(line guestlog.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == keptLines {
		l.lines = slices.Clone(l.lines[keptLines/2:])
		l.first += keptLines / 2
	}
	l.lines = append(l.lines, line)
	close(l.changed)
	l.changed = make(chan struct{})
}

// from returns the lines from number n on that are kept, the number of the first of them, and what is closed when there are
// more.
func (l *Logs) from(n uint64) (lines []guestlog.Line, first uint64, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = max(n, l.first)
	return l.lines[first-l.first : len(l.lines) : len(l.lines)], first, l.changed
}

// A Line is one message of a filter, as it is served.
type Line struct {
	// Time is RFC 3339 in UTC with milliseconds.
	Time    string `json:"time"`
	Filter  string `json:"filter"`
	Version uint32 `json:"version"`
	Text    string `json:"text"`
	// LeftOut is how many messages before it were not written or kept.
	LeftOut int64 `json:"left_out,omitempty"`
}

const timeLayout = "2006-01-02T15:04:05.000Z"

// serve writes the lines of one filter. Versions, and tenants, with the very same module share what it says.
func (l *Logs) serve(w http.ResponseWriter, r *http.Request, e Edge, q query) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	lines, next, changed := l.from(0)
	for lost := int64(0); ; {
		if err := writeLines(w, e, q, lines, lost); err != nil || r.URL.Query().Get("follow") != "true" || control.Flush() != nil {
			return // whoever asked has gone, or has all
		}
		next += uint64(len(lines))
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-l.closed:
			return
		}
		var first uint64
		lines, first, changed = l.from(next)
		lost, next = int64(first-next), first
	}
}

// writeLines writes those lines that are of the filter. Lines of any filter that were lost before them are told with the first.
func writeLines(w io.Writer, e Edge, q query, lines []guestlog.Line, lost int64) error {
	versions := e.FilterStats(q.tenant, q.filter)
	out := json.NewEncoder(w)
	for _, line := range lines {
		i := slices.IndexFunc(versions, func(v edge.FilterStats) bool {
			return line.Module != "" && strings.HasPrefix(v.SHA256, line.Module)
		})
		if i < 0 {
			continue
		}
		v := versions[i]
		err := out.Encode(Line{line.Time.UTC().Format(timeLayout), v.Filter, v.Version, line.Text, line.LeftOut + lost})
		if err != nil {
			return err
		}
		lost = 0
	}
	return nil
}
