package quarantine_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/hub/internal/quarantine"
)

// load returns the quarantine as a process finds it that has just started.
func load(t *testing.T, dir string) *quarantine.Quarantine {
	t.Helper()
	q := quarantine.Open(dir)
	if err := q.Load(); err != nil {
		t.Fatal(err)
	}
	return q
}

func makeGroup(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("corrupt"), 0o600); err != nil {
		t.Fatal(err)
	}
}

var at = time.UnixMilli(1_800_000_000_000)

// TestStepsSurviveRestarts takes each step in another process.
func TestStepsSurviveRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	makeGroup(t, dir)
	if q := load(t, dir); q.Pending() || q.Set() || q.Removed() {
		t.Error("something is pending from the beginning")
	}
	if err := load(t, dir).Begin(quarantine.Whole, errors.New("a test"), 7, at); err != nil {
		t.Fatal(err)
	}
	q := load(t, dir)
	if !q.Pending() || !q.Set() || q.Removed() {
		t.Error("it is not noted that the folder is to be set aside")
	}
	to, err := q.SetAside(at)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(to, "data")); err != nil || string(content) != "corrupt" {
		t.Errorf("set aside is %q, %v", content, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	q = load(t, dir)
	if !q.Pending() || q.Set() || q.Removed() {
		t.Error("it is not noted that the folder has been set aside")
	}
	if err := q.NoteRemoved(); err != nil {
		t.Fatal(err)
	}
	q = load(t, dir)
	if !q.Removed() {
		t.Error("it is not noted that the group has removed the node")
	}
	if err := q.End(); err != nil {
		t.Fatal(err)
	}
	if load(t, dir).Pending() {
		t.Error("it does not end")
	}
}

// TestInterruptedSettingAside has the process end between the rename and the note of it.
func TestInterruptedSettingAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	makeGroup(t, dir)
	if err := load(t, dir).Begin(quarantine.Whole, errors.New("a test"), 7, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".corrupt-before"); err != nil {
		t.Fatal(err)
	}
	q := load(t, dir)
	if _, err := q.SetAside(at); err != nil || q.Set() {
		t.Errorf("the rest can't be done: %v", err)
	}
}

func TestCopiesAreBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	for i := range 4 {
		makeGroup(t, dir)
		q := load(t, dir)
		if err := q.Begin(quarantine.Whole, errors.New("a test"), 7, at); err != nil {
			t.Fatal(err)
		}
		_, err := q.SetAside(at.Add(time.Duration(i) * time.Second))
		if full := errors.Is(err, quarantine.ErrTooMany); full != (i == 3) {
			t.Errorf("copy %d: %v", i+1, err)
		}
	}
}

func TestUnreadableNoteIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	if err := os.WriteFile(dir+".rebuild", []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := quarantine.Open(dir).Load(); err == nil {
		t.Error("it is read")
	}
}

// TestStateIsSetAsideAlone leaves the log where it is, and becomes a whole folder's quarantine when that is corrupt too.
func TestStateIsSetAsideAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	makeGroup(t, filepath.Join(dir, "state"))
	makeGroup(t, filepath.Join(dir, "log"))
	if err := load(t, dir).Begin(quarantine.State, errors.New("a test"), 0, at); err != nil {
		t.Fatal(err)
	}
	q := load(t, dir)
	to, err := q.SetAside(at)
	if err != nil || q.Part() != quarantine.State {
		t.Fatal(err, q.Part())
	}
	for _, path := range []string{filepath.Join(to, "state", "data"), filepath.Join(dir, "log", "data")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	makeGroup(t, filepath.Join(dir, "snapshot"))
	if err := load(t, dir).Move(filepath.Join(dir, "snapshot"), "snapshot"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, "snapshot", "data")); err != nil {
		t.Error(err)
	}
	q = load(t, dir)
	if err := q.Begin(quarantine.Whole, errors.New("a test"), 9, at); err != nil || !q.Set() {
		t.Fatal("the log is not to be set aside", err)
	}
	if err := q.Begin(quarantine.State, errors.New("a test"), 0, at); err != nil || q.Part() != quarantine.Whole || q.Had() != 9 {
		t.Errorf("it is forgotten that the log is corrupt: %v, %q, %d", err, q.Part(), q.Had())
	}
}

// TestMoveKeepsWhatIsThere moves two things under one name.
func TestMoveKeepsWhatIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	makeGroup(t, dir)
	q := load(t, dir)
	if err := q.Begin(quarantine.State, errors.New("a test"), 0, at); err != nil {
		t.Fatal(err)
	}
	to, err := q.SetAside(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "second"} {
		other := filepath.Join(t.TempDir(), "other")
		if err := errors.Join(os.Mkdir(other, 0o700), os.WriteFile(filepath.Join(other, content), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := q.Move(other, "snapshot"); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"snapshot/first", "snapshot-2/second"} {
		if _, err := os.Stat(filepath.Join(to, path)); err != nil {
			t.Error(err)
		}
	}
	if err := q.Move(filepath.Join(t.TempDir(), "gone"), "snapshot"); err != nil {
		t.Errorf("what is not there: %v", err)
	}
}
