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

// borrow fetches a state that has at least the entries up to an index from any other node.
func (g *group) borrow(ctx context.Context, atLeast uint64) error {
	err := errors.New("no other node is known")
	for i, node := range g.hub.others() {
		if i == 0 {
			err = nil
		}
		failed := g.borrowFrom(ctx, node, atLeast)
		if failed == nil {
			return nil
		}
		err = errors.Join(err, fmt.Errorf("%s: %w", node, failed))
	}
	return fmt.Errorf("no node lends its state: %w", err)
}

func (g *group) borrowFrom(ctx context.Context, node string, atLeast uint64) error {
	asking, cancel := context.WithTimeout(ctx, borrowTimeout)
	defer cancel()
	lent, err := call[meshpb.Loan](asking, g.hub, node, methodLend, &meshpb.LendState{
		Region: g.hub.region.ID, Group: uint32(g.id), AtLeast: atLeast,
	})
	if err != nil {
		return err
	}
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
	g.log.Info("fetching the state", "from", node, "bytes", total)
	g.fetched.begin(node, total)
	defer g.fetched.end()
	for _, f := range lent.GetFiles() {
		if err := g.borrowFile(ctx, node, lent.GetId(), f); err != nil {
			return err
		}
	}
	return syncFolder(g.refillDir())
}

func (g *group) borrowFile(ctx context.Context, node, id string, f *meshpb.LentFile) (err error) {
	file, err := os.Create(filepath.Join(g.refillDir(), f.GetName()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for at := uint64(0); at < f.GetSize(); {
		part, err := g.borrowPart(ctx, node, &meshpb.ReadLoan{
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

// borrowPart reads a part, again and again if need be: what has been fetched before is not lost with a connection.
func (g *group) borrowPart(ctx context.Context, node string, q *meshpb.ReadLoan) (content []byte, err error) {
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
