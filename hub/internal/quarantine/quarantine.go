// Package quarantine sets a group's folder aside whose data are corrupt, and remembers across restarts how far its rebuilding
// has come. It deletes nothing.
package quarantine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"weir/hub/internal/datadir"
)

// maxKept is how many folders of a group may stand aside. More of them mean a disk that is not to be used any more.
const maxKept = 3

// ErrTooMany says that so many folders stand aside already that an operator has to look first.
var ErrTooMany = errors.New("too many corrupt copies stand aside")

// A Quarantine is that of one group's folder. It belongs to one goroutine.
type Quarantine struct {
	dir   string
	state *state // nil: there is none
}

// A state is the file beside the folder, NAME.rebuild.
type state struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Aside is true once the folder has been set aside, Removed once the group has taken this node's vote.
	Aside   bool `json:"aside"`
	Removed bool `json:"removed"`
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

// Begin notes that the folder is to be rebuilt, before anything is done about it.
func (q *Quarantine) Begin(why error, now time.Time) error {
	q.state = &state{Reason: why.Error(), Since: now.UTC()}
	return q.save()
}

// Pending reports whether the folder is being rebuilt, or to be.
func (q *Quarantine) Pending() bool { return q.state != nil }

// Set reports whether the folder has yet to be set aside.
func (q *Quarantine) Set() bool { return q.state != nil && !q.state.Aside }

// Removed reports whether the group has taken this node's vote.
func (q *Quarantine) Removed() bool { return q.state != nil && q.state.Removed }

// SetAside renames the folder, and returns to what.
func (q *Quarantine) SetAside(now time.Time) (to string, err error) {
	kept, err := filepath.Glob(q.dir + ".corrupt-*")
	if err != nil {
		return "", err
	}
	if len(kept) >= maxKept {
		return "", fmt.Errorf("%w: %d beside %s: look after the disk, then remove them", ErrTooMany, len(kept), q.dir)
	}
	to = q.dir + ".corrupt-" + now.UTC().Format("20060102T150405.000")
	if err := os.Rename(q.dir, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := syncDir(filepath.Dir(q.dir)); err != nil {
		return "", err
	}
	q.state.Aside = true
	return to, q.save()
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
