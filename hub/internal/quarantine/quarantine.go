// Package quarantine sets aside what a node has of a group, or only its state, where that is corrupt, and remembers across
// restarts how far the rebuilding has come. It deletes nothing.
package quarantine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"weir/hub/internal/datadir"
)

// stateFolder is where a group's folder has the state.
const stateFolder = "state"

// maxKept is how many folders of a group may stand aside. More of them mean a disk that is not to be used any more.
const maxKept = 3

// ErrTooMany says that so many folders stand aside already that an operator has to look first.
var ErrTooMany = errors.New("too many corrupt copies stand aside")

// A Part says how much of a group's folder is corrupt.
type Part string

// The parts.
const (
	// Whole is the folder with its log: the node has forgotten what it acknowledged and voted for.
	Whole Part = "group"
	// State is what has been made of the log, which is intact.
	State Part = "state"
)

// A Quarantine is that of one group's folder. It belongs to one goroutine.
type Quarantine struct {
	dir   string
	state *state // nil: there is none
}

// A state is the file beside the folder, NAME.rebuild.
type state struct {
	Part   Part      `json:"part"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Had is the index up to which the log is known to have been durable, 0 if nothing is known.
	Had uint64 `json:"had,omitempty"`
	// Aside is true once the part has been set aside, to the folder To. Removed is once the group has taken this node's vote.
	Aside   bool   `json:"aside"`
	To      string `json:"to,omitempty"`
	Removed bool   `json:"removed"`
}

// Open returns the quarantine of a folder. Load reads it.
func Open(dir string) *Quarantine { return &Quarantine{dir: dir} }

func (q *Quarantine) file() string { return q.dir + ".rebuild" }

// Load reads how far it had come.
func (q *Quarantine) Load() error {
	content, err := os.ReadFile(q.file())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is to be rebuilt: %w", err)
	}
	q.state = &state{}
	if err := json.Unmarshal(content, q.state); err != nil {
		return fmt.Errorf("read what is to be rebuilt, %s: %w", q.file(), err)
	}
	q.state.Part = cmp.Or(q.state.Part, Whole)
	return nil
}

func (q *Quarantine) save() error {
	content, err := json.MarshalIndent(q.state, "", "  ")
	if err != nil {
		return err
	}
	if err := datadir.WriteFile(q.file(), append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("note what is to be rebuilt: %w", err)
	}
	return nil
}

// Begin notes that a part is to be rebuilt, before anything is done about it. A folder that is being rebuilt as a whole stays
// one. had is the index up to which the log is known to have been durable, 0 if nothing is known.
func (q *Quarantine) Begin(part Part, why error, had uint64, now time.Time) error {
	if q.state != nil {
		had = max(had, q.state.Had)
		if q.state.Part == Whole {
			part = Whole
		}
	}
	q.state = &state{Part: part, Reason: why.Error(), Since: now.UTC(), Had: had}
	return q.save()
}

// Part returns what is being rebuilt, "" for nothing.
func (q *Quarantine) Part() Part {
	if q.state == nil {
		return ""
	}
	return q.state.Part
}

// Had returns the index up to which the log is known to have been durable, 0 if nothing is known.
func (q *Quarantine) Had() uint64 {
	if q.state == nil {
		return 0
	}
	return q.state.Had
}

// Pending reports whether the folder is being rebuilt, or to be.
func (q *Quarantine) Pending() bool { return q.state != nil }

// Set reports whether the part has yet to be set aside.
func (q *Quarantine) Set() bool { return q.state != nil && !q.state.Aside }

// Removed reports whether the group has taken this node's vote.
func (q *Quarantine) Removed() bool { return q.state != nil && q.state.Removed }

// SetAside moves the part away, and returns where to.
func (q *Quarantine) SetAside(now time.Time) (to string, err error) {
	kept, err := filepath.Glob(q.dir + ".corrupt-*")
	if err != nil {
		return "", err
	}
	if len(kept) >= maxKept {
		return "", fmt.Errorf("%w: %d beside %s: look after the disk, then remove them", ErrTooMany, len(kept), q.dir)
	}
	to = q.dir + ".corrupt-" + now.UTC().Format("20060102T150405.000")
	from, target := q.dir, to
	if q.state.Part == State {
		if err := os.MkdirAll(to, 0o700); err != nil {
			return "", err
		}
		from, target = filepath.Join(q.dir, stateFolder), filepath.Join(to, stateFolder)
	}
	if err := os.Rename(from, target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := syncDir(filepath.Dir(q.dir)); err != nil {
		return "", err
	}
	q.state.Aside, q.state.To = true, to
	return to, q.save()
}

// Move moves something else, under a name, to where the state is that has been set aside. What has that name already stays: the
// newcomer gets a number.
func (q *Quarantine) Move(from, name string) error {
	to := filepath.Join(q.state.To, name)
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		to = filepath.Join(q.state.To, fmt.Sprintf("%s-%d", name, n))
	}
	if err := os.Rename(from, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// NoteRemoved notes that the group has taken this node's vote: it may begin with nothing.
func (q *Quarantine) NoteRemoved() error {
	q.state.Removed = true
	return q.save()
}

// End notes that the folder has been rebuilt.
func (q *Quarantine) End() error {
	if err := os.Remove(q.file()); err != nil {
		return err
	}
	q.state = nil
	return syncDir(filepath.Dir(q.dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
