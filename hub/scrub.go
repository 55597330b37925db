package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/meshpb"
	"weir/proto/weirpb"
)

// What a Config has for the reading of what nobody reads.
const (
	// defaultVerifyEvery is how often all is read: disks lose bits at rest over months.
	defaultVerifyEvery = 7 * 24 * time.Hour
	// defaultVerifyRate bounds the reading, in bytes a second: a tenth of what a slow disk can.
	defaultVerifyRate = 8 << 20
	// verifyLook is how often it is looked whether some group is due, or was asked for while it could not be read.
	verifyLook = 10 * time.Second
	// firstShare is what part of the time between two readings passes, 1/64, before a group is read that has never been, or that
	// could not be read to the end.
	firstShare = 64
)

// verifyFolder, in the data folder, has the copy of a state, of hard links, that is being read.
const verifyFolder = "verify"

// scrub reads what is due, one group after another, until the hub stops.
func (h *Hub) scrub() {
	every := time.NewTicker(h.config.verifyLook)
	defer every.Stop()
	for _, g := range h.groups {
		g.loadVerified()
	}
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.verifyNow:
			for _, g := range h.groups {
				g.verification.ask()
			}
		case <-every.C:
		}
		for _, g := range h.groups {
			if h.ctx.Err() == nil && g.verification.isDue(time.Now(), h.config.VerifyEvery) {
				g.readNow(h.ctx)
			}
		}
	}
}

// readNow reads all that this node has of the group, unless that is being rebuilt: it remains due then. What is damaged is dealt with
// as if a reader had come upon it.
func (g *group) readNow(ctx context.Context) {
	if g.ailing() != "" || g.replica.Parked() {
		return
	}
	err := g.readAll(ctx)
	damaged := err != nil && ctx.Err() == nil && isCorrupt(err)
	now := time.Now()
	if err == nil {
		err = g.noteVerified(now)
	}
	g.verification.end(err == nil, damaged, now, g.hub.config.VerifyEvery)
	switch {
	case damaged:
		g.log.Error("the verification of what is on disk has found damage", "error", err)
		g.suspect(err)
	case err != nil && ctx.Err() == nil:
		g.log.Warn("what is on disk could not be verified to the end, it is tried again", "error", err)
	case err == nil:
		g.log.Info("what is on disk of the group has been verified")
	}
}

// readAll reads the log, the state and the snapshot.
func (g *group) readAll(ctx context.Context) (err error) {
	dir := filepath.Join(g.hub.dir.Path, verifyFolder, strconv.Itoa(int(g.id)))
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Dir(dir), 0o700)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := g.store.Checkpoint(dir); err != nil {
		return fmt.Errorf("make a copy to read: %w", err)
	}
	kept, _, err := g.replica.Kept()
	if err != nil {
		return err
	}
	only := dir + "-snapshot"
	defer func() { err = errors.Join(err, os.RemoveAll(only)) }()
	if err := linkUnlike(kept, dir, only); err != nil {
		return err
	}
	g.verification.begin(2*sizeOf(dir) + sizeOf(only) + g.replica.LogBytes())
	p := &pace{ctx: ctx, rate: g.hub.config.VerifyRate, began: time.Now(), counted: g.verification.add}
	if err := g.replica.ReadLog(p.add); err != nil {
		return err
	}
	slow := pacedFS{vfs.Default, p}
	if err := store.Check(slow, dir); err != nil {
		return err
	}
	if _, err := readRows(slow, dir, g.log); err != nil {
		return err
	}
	if err := store.Check(slow, only); err != nil {
		return fmt.Errorf("the snapshot: %w", err)
	}
	return nil
}

// linkUnlike links those tables of a folder, "" for none, that are not those of another, so that they can be read whatever becomes of
// them. A folder that has gone has been replaced by a newer one, whose turn is the next time.
func linkUnlike(from, other, to string) error {
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o700)); err != nil || from == "" {
		return err
	}
	names, err := tables(from)
	for _, name := range names {
		one, failed := os.Stat(filepath.Join(from, name))
		if failed == nil {
			if same, missing := os.Stat(filepath.Join(other, name)); missing == nil && os.SameFile(one, same) {
				continue
			}
			failed = os.Link(filepath.Join(from, name), filepath.Join(to, name))
		}
		if !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// tables lists a folder's tables; none if there is no such folder.
func tables(dir string) (names []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".sst" {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// sizeOf sums up a folder's tables, for what is told of progress.
func sizeOf(dir string) (sum uint64) {
	names, err := tables(dir)
	if err != nil {
		return 0
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			sum += uint64(info.Size())
		}
	}
	return sum
}

// VerifyRegion has one node, or all, read all that they have on disk. GetRegion tells how far they are.
func (h *Hub) VerifyRegion(ctx context.Context, r *weirpb.VerifyRegionRequest) (*weirpb.VerifyRegionResponse, error) {
	if !h.status.takes() {
		return nil, h.status.check()
	}
	nodes := append(h.others(), h.node.Name)
	slices.Sort(nodes)
	if node := r.GetNode(); node != "" {
		if !slices.Contains(nodes, node) {
			return nil, fault.New(fault.NotFound, "there is no node %q", node).WithHint("weir hub status lists the nodes")
		}
		nodes = []string{node}
	}
	answer := &weirpb.VerifyRegionResponse{}
	var failed error
	for _, node := range nodes {
		if err := h.askToVerify(ctx, node); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		answer.Nodes = append(answer.Nodes, node)
	}
	if len(answer.Nodes) == 0 {
		return nil, fault.From(failed)
	}
	return answer, nil
}

func (h *Hub) askToVerify(ctx context.Context, node string) error {
	if node != h.node.Name {
		ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
		defer cancel()
		_, err := call[meshpb.Done](ctx, h, node, methodVerify, &meshpb.Verify{Region: h.region.ID})
		return err
	}
	select {
	case h.verifyNow <- struct{}{}:
	default: // it is to begin already
	}
	return nil
}

// answerVerify is askToVerify for another node.
func (h *Hub) answerVerify(ctx context.Context, from string, q *meshpb.Verify) (*meshpb.Done, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	return &meshpb.Done{}, h.askToVerify(ctx, h.node.Name)
}
