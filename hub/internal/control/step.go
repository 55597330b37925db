package control

import (
	"weir/proto/fault"
	"weir/proto/logpb"
)

// step is what a command does to a state at an index and a time. It is pure: the state stays as it is.
func step(s *State, index uint64, timeMs int64, c *logpb.ControlCommand) (*change, *fault.Fault) {
	ch := &change{next: s.clone()}
	ch, refused := dispatch(ch, timeMs, c)
	if refused != nil {
		return nil, refused
	}
	if len(ch.rows) > 0 {
		ch.next.Meta.Index = index
		ch.store(key(kindMeta), ch.next.Meta)
	}
	return ch, nil
}

func dispatch(ch *change, timeMs int64, c *logpb.ControlCommand) (*change, *fault.Fault) {
	switch c := c.GetCommand().(type) {
	case *logpb.ControlCommand_Initialise:
		return ch.initialise(timeMs, c.Initialise)
	case *logpb.ControlCommand_CreateTenant:
		return ch.createTenant(timeMs, c.CreateTenant)
	case *logpb.ControlCommand_DeleteTenant:
		return ch.deleteTenant(c.DeleteTenant)
	case *logpb.ControlCommand_TenantDropped:
		return ch.tenantDropped(c.TenantDropped)
	case *logpb.ControlCommand_PutNamespace:
		return ch.putNamespace(timeMs, c.PutNamespace)
	case *logpb.ControlCommand_CreateApiKey:
		return ch.createApiKey(timeMs, c.CreateApiKey.GetRecord())
	case *logpb.ControlCommand_RevokeApiKey:
		return ch.revokeApiKey(c.RevokeApiKey)
	case *logpb.ControlCommand_CreateSigningKey:
		return ch.createSigningKey(timeMs, c.CreateSigningKey.GetKey())
	case *logpb.ControlCommand_RevokeSigningKey:
		return ch.revokeSigningKey(c.RevokeSigningKey)
	case *logpb.ControlCommand_PutChunk:
		return ch.putChunk(timeMs, c.PutChunk)
	case *logpb.ControlCommand_CommitFilter:
		return ch.commitFilter(timeMs, c.CommitFilter)
	case *logpb.ControlCommand_SetRollout:
		return ch.setRollout(timeMs, c.SetRollout)
	case *logpb.ControlCommand_PromoteFilter:
		return ch.promoteFilter(timeMs, c.PromoteFilter)
	case *logpb.ControlCommand_RollbackFilter:
		return ch.rollbackFilter(timeMs, c.RollbackFilter)
	case *logpb.ControlCommand_PauseFilter:
		return ch.pauseFilter(c.PauseFilter)
	case *logpb.ControlCommand_SetTenantLimits:
		return ch.setTenantLimits(c.SetTenantLimits)
	case *logpb.ControlCommand_SetFilterLimits:
		return ch.setFilterLimits(c.SetFilterLimits)
	case *logpb.ControlCommand_DropStaged:
		return ch.dropStaged(c.DropStaged)
	case *logpb.ControlCommand_PutNode:
		return ch.putNode(timeMs, c.PutNode.GetNode())
	case *logpb.ControlCommand_RetireNode:
		return ch.retireNode(c.RetireNode)
	case *logpb.ControlCommand_ForgetNode:
		return ch.forgetNode(c.ForgetNode)
	}
	return refuse(fault.Internal, "the log has a control command that this version does not know")
}
