package hubclient

import (
	"context"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// Call passes a call of the server API that changes the control state on to the node that leads it, and waits for the
// response. Only hubs may. A call that was refused because the lead had changed is passed on again; one whose outcome is
// not known is not.
func (c *Client) Call(ctx context.Context, procedure string, request, response proto.Message) error {
	return c.call(ctx, controlGroup, procedure, request, response, false)
}

// State reads the latest events of a state channel. Only hubs may.
func (c *Client) State(ctx context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error) {
	response := &weirpb.StateResponse{}
	to := channelOf(r.GetTenant(), r.GetChannel())
	if err := c.call(ctx, to, weirpbconnect.EventServiceStateProcedure, r, response, true); err != nil {
		return nil, err
	}
	return response, nil
}

// GetChannel describes a channel. Only hubs may.
func (c *Client) GetChannel(ctx context.Context, r *weirpb.GetChannelRequest) (*weirpb.Channel, error) {
	response := &weirpb.Channel{}
	to := channelOf(r.GetTenant(), r.GetChannel())
	if err := c.call(ctx, to, weirpbconnect.EventServiceGetChannelProcedure, r, response, true); err != nil {
		return nil, err
	}
	return response, nil
}

func (c *Client) call(ctx context.Context, to target, procedure string, request, response proto.Message, read bool) error {
	encoded, err := proto.Marshal(request)
	if err != nil {
		return fault.New(fault.InvalidArgument, "the request can't be encoded").WithHint("names must be UTF-8").WithCause(err)
	}
	return c.onLeader(ctx, to, func(ctx context.Context, s *session) (bool, error) {
		answer, err := s.call(ctx, procedure, encoded)
		switch {
		case err == nil:
			return false, decode(answer, response)
		case read:
			return s.elsewhere(err), err
		case s.lost():
			return false, fault.New(fault.Unavailable, "the hub's leader was lost before it answered").
				WithHint("the change may or may not have been made: look before trying again").WithCause(err)
		}
		return fault.CodeOf(err) == fault.NotLeader, err
	})
}

func (s *session) call(ctx context.Context, procedure string, request []byte) ([]byte, error) {
	if s.local != nil {
		return s.local.Answer(ctx, procedure, request)
	}
	call := &linkpb.Call{Procedure: procedure, Request: request}
	result, err := one[linkpb.Result](ctx, s, linkwire.Call, call, linkwire.Result, linkwire.MaxResult)
	return result.GetResponse(), err
}

func decode(encoded []byte, m proto.Message) error {
	if err := proto.Unmarshal(encoded, m); err != nil {
		return fault.New(fault.Internal, "the hub's answer is not what was asked for").WithCause(err)
	}
	return nil
}
