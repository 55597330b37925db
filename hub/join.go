package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/placement"
	"weir/hub/internal/region"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/meshpb"
)

// join asks to be let into a region until it is, or until it is clear that it won't be.
func (h *Hub) join() {
	wait := foundFirst
	for {
		r, err := h.askToJoin()
		if err == nil {
			h.entered(*r)
			return
		}
		if f := fault.From(err); !f.Code.Retryable() {
			h.log.Error("this node is not let into the region", "error", err, "hint", f.Hint)
			h.stop(f)
			return
		}
		h.status.wait(fault.New(fault.Unavailable, "no node of the region lets this one in yet").WithCause(err))
		h.log.Debug("this node is not let in yet", "error", err)
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, foundEvery)
		}
	}
}

// askToJoin asks the nodes at the addresses of Config.Join, one after another.
func (h *Hub) askToJoin() (*region.Region, error) {
	request, err := proto.Marshal(&meshpb.Join{Self: memberOf(h.self)})
	if err != nil {
		return nil, err
	}
	var failed error
	for _, addr := range h.config.Join {
		r, err := h.askAt(addr, request)
		if err == nil {
			return r, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", addr, err))
		if f := refusal(err); f != nil {
			return nil, f
		}
	}
	return nil, fault.New(fault.Unavailable, "nobody answers").WithCause(failed)
}

// refusal returns the fault that will not pass, nil for all others.
func refusal(err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) && !f.Code.Retryable() {
		return f
	}
	return nil
}

func (h *Hub) askAt(addr string, request []byte) (*region.Region, error) {
	ctx, cancel := context.WithTimeout(h.ctx, joinTimeout)
	defer cancel()
	_, response, err := h.transport.CallAddress(ctx, addr, methodJoin, request)
	if err != nil {
		return nil, err
	}
	answer := &meshpb.Region{}
	if err := proto.Unmarshal(response, answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	r := regionOf(answer)
	r.Joined = true
	for _, n := range answer.GetNodes() {
		r.Known = append(r.Known, founderOf(n))
	}
	return &r, nil
}

// joinTimeout is how long the region may take to let a node in.
const joinTimeout = 5 * time.Second

// answerJoin lets a node in, or notes where one is reached now. Any node passes it on to the leader of the control group.
func (h *Hub) answerJoin(ctx context.Context, from string, q *meshpb.Join) (*meshpb.Region, error) {
	if !h.status.takes() {
		return nil, errStarting
	}
	g := h.groups[placement.Control]
	leader, _ := g.replica.Leader()
	m := q.GetSelf()
	switch {
	case m.GetId() == "" || m.GetIncarnation() == "":
		return nil, fault.New(fault.InvalidArgument, "the node does not say who it is")
	case leader == h.node.Name:
	case from != m.GetId() || leader == "":
		return nil, g.notLeader() // passed on already, or nobody to pass it on to
	default:
		return call[meshpb.Region](ctx, h, leader, methodJoin, q)
	}
	if err := g.checkLead(); err != nil {
		return nil, err
	}
	_, err := h.command(ctx, &logpb.ControlCommand{Command: &logpb.ControlCommand_PutNode{PutNode: &logpb.PutNode{
		Node: &logpb.NodeRecord{
			Id: m.GetId(), Incarnation: m.GetIncarnation(), Mesh: m.GetMesh(), Link: m.GetLink(), Api: m.GetApi(),
		},
	}}})
	if err != nil {
		return nil, err
	}
	return h.describeRegion(), nil
}

// announce tells the region where this node is reached, if that is not what it knows.
func (h *Hub) announce(ctx context.Context) error {
	known := h.control.State().Nodes[h.node.Name]
	a := h.addresses()
	if known == nil || known.GetLeaving() || a == (Addresses{Mesh: known.GetMesh(), Link: known.GetLink(), API: known.GetApi()}) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	leader, err := h.groups[placement.Control].awaitLeader(ctx)
	if err != nil {
		return err
	}
	self := &meshpb.Join{Self: memberOf(region.Founder{Node: h.node, Mesh: a.Mesh, Link: a.Link, API: a.API})}
	if leader == h.node.Name {
		_, err = h.answerJoin(ctx, h.node.Name, self)
	} else {
		_, err = call[meshpb.Region](ctx, h, leader, methodJoin, self)
	}
	if err != nil {
		return fmt.Errorf("tell the region where this node is: %w", err)
	}
	return nil
}
