package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/meshpb"
)

// Bounds of lending states to nodes whose own are corrupt.
const (
	// maxLoans is how many there are at once: one for each other node, and some whose borrowers have gone.
	maxLoans = 8
	// loanIdle is for how long nobody may have read from one before it is given up.
	loanIdle = time.Minute
	// maxPart is how much of a file is read at once, in bytes; a call between nodes carries twice that.
	maxPart = 512 << 10
)

// lentFolder, in the data folder, has the copies that are lent, of hard links.
const lentFolder = "lent"

// A lender has the states that others read.
type lender struct {
	dir string

	mu    sync.Mutex
	next  int              // the last id; guarded by mu
	loans map[string]*loan // by id; guarded by mu
}

// A loan is guarded by its lender's mu.
type loan struct {
	dir string
	// to is the borrower, and group what it is of.
	to    string
	group uint32
	// made is whether the copy is complete, and used when somebody read it last.
	made bool
	used time.Time
}

func (l *lender) init(dir string) {
	l.dir, l.loans = filepath.Join(dir, lentFolder), map[string]*loan{}
}

// drop gives up the loans that nobody has used since a time.
func (l *lender) drop(before time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	for id, one := range l.loans {
		if one.made && one.used.Before(before) {
			err = errors.Join(err, l.end(id))
		}
	}
	return err
}

// end removes a copy. It requires mu.
func (l *lender) end(id string) error {
	dir := l.loans[id].dir
	delete(l.loans, id)
	return os.RemoveAll(dir)
}

// lend has fill make a copy, in a folder that is not there yet. A borrower that begins anew gives up what it had.
func (l *lender) lend(to string, group uint32, fill func(dir string) error) (id, dir string, err error) {
	if id, dir, err = l.add(to, group); err != nil {
		return "", "", err
	}
	err = fill(dir)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		return "", "", errors.Join(err, l.end(id))
	}
	l.loans[id].made, l.loans[id].used = true, time.Now()
	return id, dir, nil
}

// add makes room for a copy.
func (l *lender) add(to string, group uint32) (id, dir string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, one := range l.loans {
		switch {
		case one.to != to || one.group != group:
		case !one.made:
			return "", "", fault.New(fault.Busy, "a copy of group %d is being made for node %q", group, to)
		default:
			err = errors.Join(err, l.end(id))
		}
	}
	if err != nil {
		return "", "", err
	}
	if len(l.loans) >= maxLoans {
		return "", "", fault.New(fault.Busy, "other nodes are reading %d states here", len(l.loans))
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return "", "", err
	}
	l.next++
	id = strconv.Itoa(l.next)
	one := &loan{dir: filepath.Join(l.dir, id), to: to, group: group}
	l.loans[id] = one
	return id, one.dir, nil
}

// find returns the folder of a loan, and notes that it is used.
func (l *lender) find(id, to string) (dir string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.loans[id]
	if one == nil || one.to != to || !one.made {
		return "", false
	}
	one.used = time.Now()
	return one.dir, true
}

// answerLend makes a copy of a state for another node.
func (h *Hub) answerLend(ctx context.Context, from string, q *meshpb.LendState) (*meshpb.Loan, error) {
	g, err := h.groupFor(from, q.GetRegion(), q.GetGroup())
	if err != nil {
		return nil, err
	}
	if g.ailing() != "" || g.replica.Parked() {
		return nil, fault.New(fault.Unavailable, "node %q has no state of group %d to lend", h.node.Name, g.id)
	}
	for g.machine.Applied() < q.GetAtLeast() {
		if err := sleep(ctx, readyEvery); err != nil {
			return nil, fault.New(fault.Unavailable, "node %q has not got to entry %d of group %d", h.node.Name, q.GetAtLeast(), g.id)
		}
	}
	id, dir, err := h.lender.lend(from, q.GetGroup(), g.store.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("make a copy of group %d: %w", g.id, err)
	}
	answer := &meshpb.Loan{Id: id}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		answer.Files = append(answer.Files, &meshpb.LentFile{Name: f.Name(), Size: uint64(info.Size())})
	}
	g.log.Info("lending the state to a node whose own is corrupt", "to", from)
	return answer, nil
}

// answerReadLoan reads a part of what is lent.
func (h *Hub) answerReadLoan(_ context.Context, from string, q *meshpb.ReadLoan) (_ *meshpb.LoanPart, err error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	if q.GetLength() > maxPart || filepath.Base(q.GetName()) != q.GetName() {
		return nil, fault.New(fault.InvalidArgument, "%d bytes of %q can't be read", q.GetLength(), q.GetName())
	}
	dir, ok := h.lender.find(q.GetId(), from)
	if !ok {
		return nil, fault.New(fault.NotFound, "the loan %q has ended", q.GetId())
	}
	file, err := os.Open(filepath.Join(dir, q.GetName()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content := make([]byte, q.GetLength())
	n, err := file.ReadAt(content, int64(q.GetOffset()))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return &meshpb.LoanPart{Content: content[:n]}, nil
}

// groupFor returns a group that another node of the region asks for.
func (h *Hub) groupFor(from, region string, id uint32) (*group, error) {
	if err := h.checkRegion(from, region); err != nil {
		return nil, err
	}
	if int(id) >= len(h.groups) {
		return nil, fault.New(fault.InvalidArgument, "there is no group %d", id)
	}
	return h.groups[id], nil
}
