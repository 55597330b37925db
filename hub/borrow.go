package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"weir/proto/meshpb"
)

// Bounds of fetching a state from another node.
const (
	// borrowRate bounds how fast, in bytes a second: a gigabit link is left some room for what is live.
	borrowRate = 64 << 20
	// borrowTries is how often a part that could not be read is asked for again, a second apart, before another node is asked.
	borrowTries = 20
	borrowPause = time.Second
	// borrowTimeout is how long a copy or a part of one may take.
	borrowTimeout = 10 * time.Second
)

// errNoRoom says that what would be fetched has no room on this node's disk.
var errNoRoom = errors.New("this node's disk has no room for it")

// borrow fetches a sound state that has at least the entries up to an index from whichever node has one. It returns the index of
// the state's last entry.
func (g *group) borrow(ctx context.Context, atLeast uint64) (index uint64, err error) {
	failed := errors.New("no node lends a state")
	for _, node := range g.hub.others() {
		if index, err = g.borrowFrom(ctx, node, atLeast); err == nil {
			return index, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", node, err))
		if ctx.Err() != nil {
			break
		}
	}
	return 0, failed
}

func (g *group) borrowFrom(ctx context.Context, node string, atLeast uint64) (index uint64, err error) {
	if g.hub.room.Full() {
		return 0, errNoRoom
	}
	asking, cancel := context.WithTimeout(ctx, borrowTimeout)
	defer cancel()
	lent, err := call[meshpb.Loan](asking, g.hub, node, methodLend, &meshpb.LendState{
		Region: g.hub.region.ID, Group: uint32(g.id), AtLeast: atLeast,
	})
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(g.refillDir()))
		}
	}()
	if err := g.fetch(ctx, node, lent); err != nil {
		return 0, err
	}
	if index, err = g.lookAt(ctx, g.refillDir()); err == nil && index < atLeast {
		err = fmt.Errorf("what was lent ends at entry %d, before the log's beginning", index)
	}
	return index, err
}

// fetch fetches all files of a loan.
func (g *group) fetch(ctx context.Context, node string, lent *meshpb.Loan) error {
	if err := errors.Join(os.RemoveAll(g.refillDir()), os.MkdirAll(g.refillDir(), 0o700)); err != nil {
		return err
	}
	var total uint64
	for _, f := range lent.GetFiles() {
		if filepath.Base(f.GetName()) != f.GetName() {
			return fmt.Errorf("it lends %q, which is no name of a file", f.GetName())
		}
		total += f.GetSize()
	}
	if free := g.hub.room.Free(); total > free {
		return fmt.Errorf("%w: it has %d bytes, of which %d are free here", errNoRoom, total, free)
	}
	g.log.Info("fetching the state", "from", node, "bytes", total)
	g.fetched.begin(node, total)
	defer g.fetched.end()
	for _, f := range lent.GetFiles() {
		if err := g.fetchFile(ctx, node, lent.GetId(), f); err != nil {
			return err
		}
	}
	return syncFolder(g.refillDir())
}

func (g *group) fetchFile(ctx context.Context, node, id string, f *meshpb.LentFile) (err error) {
	file, err := os.Create(filepath.Join(g.refillDir(), f.GetName()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for at := uint64(0); at < f.GetSize(); {
		if g.hub.room.Full() {
			return errNoRoom
		}
		part, err := g.fetchPart(ctx, node, &meshpb.ReadLoan{
			Region: g.hub.region.ID, Id: id, Name: f.GetName(), Offset: at, Length: uint32(min(maxPart, f.GetSize()-at)),
		})
		if err != nil {
			return err
		}
		if _, err := file.Write(part); err != nil {
			return err
		}
		at += uint64(len(part))
		if err := sleep(ctx, g.fetched.add(uint64(len(part)))); err != nil {
			return err
		}
	}
	return file.Sync()
}

// fetchPart reads a part, again and again if need be: what has been fetched before is not lost with a connection.
func (g *group) fetchPart(ctx context.Context, node string, q *meshpb.ReadLoan) (content []byte, err error) {
	for try := range borrowTries {
		if try > 0 {
			if err := sleep(ctx, borrowPause); err != nil {
				return nil, err
			}
		}
		asking, cancel := context.WithTimeout(ctx, borrowTimeout)
		part, failed := call[meshpb.LoanPart](asking, g.hub, node, methodReadLoan, q)
		cancel()
		if err = failed; err != nil {
			if refusal(err) != nil {
				return nil, err
			}
			continue
		}
		if len(part.GetContent()) == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		return part.GetContent(), nil
	}
	return nil, err
}
