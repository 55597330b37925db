package hub

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/meshpb"
)

// lenderIn returns a lender of a folder of its own, and one that makes a copy of one file.
func lenderIn(t *testing.T) (*lender, func(dir string) error) {
	l := &lender{}
	l.init(t.TempDir())
	return l, func(dir string) error {
		return errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "a"), []byte("b"), 0o600))
	}
}

func TestLoanIsNotGivenUpWhileItIsMade(t *testing.T) {
	l, fill := lenderIn(t)
	id, dir, err := l.lend("hub-2", 1, func(dir string) error {
		if _, _, err := l.lend("hub-2", 1, fill); fault.CodeOf(err) != fault.Busy {
			t.Errorf("another is begun: %v", err)
		}
		if err := l.drop(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		return fill(dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := l.find(id, "hub-2"); !ok || got != dir {
		t.Fatalf("the loan is in %q, %v; want %q", got, ok, dir)
	}
	if _, ok := l.find(id, "hub-3"); ok {
		t.Error("another node has it")
	}
	again, _, err := l.lend("hub-2", 1, fill)
	if _, ok := l.find(id, "hub-2"); err != nil || ok {
		t.Errorf("there are two copies for one node: %v", err)
	}
	if err := l.drop(time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if _, ok := l.find(again, "hub-2"); ok {
		t.Error("a loan that nobody uses is kept")
	}
	if left, err := os.ReadDir(l.dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestFailedLoanLeavesNothing(t *testing.T) {
	l, fill := lenderIn(t)
	why := errors.New("a test")
	for i := range 2 * maxLoans {
		_, _, err := l.lend("hub-2", uint32(i), func(dir string) error { return errors.Join(fill(dir), why) })
		if !errors.Is(err, why) {
			t.Fatalf("loan %d: %v", i, err)
		}
	}
	if left, err := os.ReadDir(l.dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	for i := range maxLoans {
		if _, _, err := l.lend("hub-2", uint32(i), fill); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := l.lend("hub-2", maxLoans, fill); fault.CodeOf(err) != fault.Busy {
		t.Errorf("one too many: %v", err)
	}
}

// TestReadLoanRefusesWhatIsNoPart reads at and beyond the bounds of what is lent.
func TestReadLoanRefusesWhatIsNoPart(t *testing.T) {
	h := withTenant(t, Config{})
	id, dir, err := h.lender.lend("hub-2", 1, func(dir string) error { return h.groups[1].store.Checkpoint(dir) })
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("0123456789")
	if err := os.WriteFile(filepath.Join(dir, "file"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(name string, offset uint64, length uint32) (string, error) {
		part, err := h.answerReadLoan(testContext(t), "hub-2", &meshpb.ReadLoan{
			Region: h.region.ID, Id: id, Name: name, Offset: offset, Length: length,
		})
		return string(part.GetContent()), err
	}
	for _, ok := range []struct {
		offset uint64
		length uint32
		want   string
	}{{0, 10, "0123456789"}, {0, maxPart, "0123456789"}, {9, 5, "9"}, {10, 1, ""}, {1 << 40, 1, ""}, {3, 0, ""}} {
		if got, err := read("file", ok.offset, ok.length); err != nil || got != ok.want {
			t.Errorf("%d at %d are %q, %v; want %q", ok.length, ok.offset, got, err, ok.want)
		}
	}
	for _, name := range []string{"", ".", "..", "/", "../node.json", "a/b", "none"} {
		if _, err := read(name, 0, 1); err == nil {
			t.Errorf("%q can be read", name)
		}
	}
	for _, bad := range []struct {
		offset uint64
		length uint32
	}{{0, maxPart + 1}, {1 << 63, 1}} {
		if _, err := read("file", bad.offset, bad.length); err == nil {
			t.Errorf("%d can be read at %d", bad.length, bad.offset)
		}
	}
}
