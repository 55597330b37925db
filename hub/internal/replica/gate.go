package replica

import (
	"fmt"

	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
)

// A leader's log is written beside replication (raftlog.Log.Early), and raft takes an entry for committed once followers
// have it. Here is what keeps everybody from seeing it before this node has it too: the machine is not given it, followers
// are not told that it is committed, and nobody is told that it has been.

// A gatedTransport tells followers that something is committed when it is.
type gatedTransport struct {
	*feedingTransport
	log *raftlog.Log
}

// AppendEntries sends entries, or a heartbeat.
func (t *gatedTransport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	told := *args
	told.LeaderCommitIndex = t.log.Durable(args.LeaderCommitIndex)
	return t.feedingTransport.AppendEntries(id, target, &told, resp)
}

// AppendEntriesPipeline refuses: what it sends would pass by the gate. See inFlight.
func (t *gatedTransport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// A withheldError is the answer to an entry that the machine has not been given, though raft had taken it for committed.
type withheldError struct{ why error }

// Error says why.
func (e withheldError) Error() string {
	return fmt.Sprintf("the entry was not applied here: %v", e.why)
}

// Unwrap returns why.
func (e withheldError) Unwrap() error { return e.why }

// withhold answers entries that the machine is not given.
func withhold(logs []*raft.Log, why error) []any {
	answers := make([]any, len(logs))
	for i := range answers {
		answers[i] = withheldError{why}
	}
	return answers
}

// A proposal is the future of an entry, which fails where the machine was not given it.
type proposal struct{ raft.ApplyFuture }

// Error waits, and returns why the entry has not been applied.
func (p proposal) Error() error {
	if err := p.ApplyFuture.Error(); err != nil {
		return err
	}
	if err, ok := p.Response().(withheldError); ok {
		return err
	}
	return nil
}
