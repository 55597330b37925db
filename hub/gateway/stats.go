package gateway

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/api"
	"weir/hub/filterstats"
	"weir/hub/hubclient"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// Stats says what edges report of filters, asked of all nodes of the region and put together: an edge reports to every node,
// but what edges that are gone had counted is known to those nodes alone that were there. It is safe for concurrent use.
type Stats struct {
	node   *filterstats.Node
	client *hubclient.Client
}

var _ api.FilterStats = (*Stats)(nil)

// NewStats returns the Stats of a region that a node belongs to. The client must have the node as its Local.
func NewStats(node *filterstats.Node, client *hubclient.Client) *Stats { return &Stats{node, client} }

// othersWithin is how long other nodes may take to say what they know: whoever asks is waiting.
const othersWithin = time.Second

// GetFilterStats returns what versions have done on all edges of the region.
func (s *Stats) GetFilterStats(ctx context.Context, r *weirpb.GetFilterStatsRequest) (*weirpb.GetFilterStatsResponse, error) {
	own, err := s.node.GetFilterStats(ctx, r)
	if err != nil {
		return nil, err
	}
	all, silent := askOthers(ctx, s.client, weirpbconnect.FilterServiceGetFilterStatsProcedure, r, own)
	merged := filterstats.MergeStats(all...)
	merged.UnaskedNodes = silent
	return merged, nil
}

// GetFilterLogs returns what filters have said lately on all edges of the region.
func (s *Stats) GetFilterLogs(ctx context.Context, r *weirpb.GetFilterLogsRequest) (*weirpb.GetFilterLogsResponse, error) {
	own, err := s.node.GetFilterLogs(ctx, r)
	if err != nil {
		return nil, err
	}
	all, silent := askOthers(ctx, s.client, weirpbconnect.FilterServiceGetFilterLogsProcedure, r, own)
	merged := filterstats.MergeLogs(all...)
	merged.UnaskedNodes = silent
	return merged, nil
}

// askOthers returns this node's own answer and those of the others, and how many did not answer.
func askOthers[A any, PA message[A]](ctx context.Context, client *hubclient.Client, procedure string, r proto.Message, own PA) (all []PA, silent uint32) {
	ctx, cancel := context.WithTimeout(ctx, othersWithin)
	defer cancel()
	all = []PA{own}
	n := client.AskOthers(ctx, procedure, r, func(response []byte) error {
		a := PA(new(A))
		if err := proto.Unmarshal(response, a); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	})
	return all, uint32(n)
}

// AnswerStats is Answer for calls about what edges report, which node answers for itself; others go to next.
func AnswerStats(
	node *filterstats.Node, next func(ctx context.Context, procedure string, request []byte) ([]byte, error),
) func(ctx context.Context, procedure string, request []byte) ([]byte, error) {
	stats := answeringOf((*filterstats.Node).GetFilterStats)
	logs := answeringOf((*filterstats.Node).GetFilterLogs)
	return func(ctx context.Context, procedure string, request []byte) ([]byte, error) {
		switch procedure {
		case weirpbconnect.FilterServiceGetFilterStatsProcedure:
			return stats(ctx, node, request)
		case weirpbconnect.FilterServiceGetFilterLogsProcedure:
			return logs(ctx, node, request)
		}
		return next(ctx, procedure, request)
	}
}
