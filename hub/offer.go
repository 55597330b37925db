package hub

import (
	"context"
	"crypto/sha256"
	"time"

	"weir/hub/internal/snapshot"
	"weir/proto/meshpb"
	"weir/proto/weirpb"
)

// offer asks a node which files it has already of a snapshot that it is about to be sent.
func (g *group) offer(ctx context.Context, node string, files []snapshot.File) (map[string][sha256.Size]byte, error) {
	q := &meshpb.OfferSnapshot{Region: g.hub.region.ID, Group: uint32(g.id)}
	for _, f := range files {
		q.Files = append(q.Files, &meshpb.LentFile{Name: f.Name, Size: uint64(f.Size)})
	}
	answer, err := call[meshpb.KeptFiles](ctx, g.hub, node, methodOffer, q)
	if err != nil {
		g.log.Debug("a node does not say what it has of a snapshot", "node", node, "error", err)
		return nil, err
	}
	has := map[string][sha256.Size]byte{}
	for _, f := range answer.GetFiles() {
		if len(f.GetSha256()) == sha256.Size {
			has[f.GetName()] = [sha256.Size]byte(f.GetSha256())
		}
	}
	return has, nil
}

// settleTimeout is how long what is left of an earlier attempt may take to end: longer than a silent connection lives.
const settleTimeout = 5 * time.Second

// answerOffer tells what this node has of a snapshot.
func (h *Hub) answerOffer(ctx context.Context, from string, q *meshpb.OfferSnapshot) (*meshpb.KeptFiles, error) {
	g, err := h.groupFor(from, q.GetRegion(), q.GetGroup())
	if err != nil {
		return nil, err
	}
	var files []snapshot.File
	for _, f := range q.GetFiles() {
		files = append(files, snapshot.File{Name: f.GetName(), Size: int64(f.GetSize())})
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	has, err := g.replica.KeptFiles(ctx, files)
	if err != nil {
		return nil, err
	}
	answer := &meshpb.KeptFiles{}
	for name, sum := range has {
		answer.Files = append(answer.Files, &meshpb.KeptFile{Name: name, Sha256: sum[:]})
	}
	return answer, nil
}

// sending describes the snapshots that are on their way to others.
func (g *group) sending() map[string]*weirpb.Transfer {
	all := map[string]*weirpb.Transfer{}
	for _, f := range g.replica.Feeds() {
		all[f.Node] = &weirpb.Transfer{
			From: g.hub.node.Name, DoneBytes: uint64(min(f.Sent, f.Size)), TotalBytes: uint64(f.Size), BytesPerSecond: f.Rate(),
		}
	}
	return all
}
