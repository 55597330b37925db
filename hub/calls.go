package hub

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
)

// Methods that the nodes of a region call of each other. Their messages are those of proto/schema/weir/mesh.
const (
	methodHello   = "hello"
	methodJoin    = "join"
	methodControl = "control-index"
	methodDrop    = "drop-tenant"
	methodExpel   = "expel"
	methodStatus  = "status"
	methodRetire  = "retire-node"

	methodCommitted = "committed"
	methodTerm      = "term"
	methodBelongs   = "belongs"
	methodLend      = "lend-state"
	methodReadLoan  = "read-loan"
	methodRecover   = "recover"
	methodVerify    = "verify"
	methodOffer     = "offer-snapshot"
)

// answerCalls has this node answer the others.
func (h *Hub) answerCalls() {
	if h.transport == nil {
		return
	}
	handle(h, methodHello, h.answerHello)
	handle(h, methodControl, h.answerControlIndex)
	handle(h, methodDrop, h.answerDrop)
	handle(h, methodExpel, h.answerExpel)
	handle(h, methodJoin, h.answerJoin)
	handle(h, methodStatus, h.answerStatus)
	handle(h, methodRetire, h.answerRetire)
	handle(h, methodCommitted, h.answerCommitted)
	handle(h, methodTerm, h.answerTerm)
	handle(h, methodBelongs, h.answerBelongs)
	handle(h, methodLend, h.answerLend)
	handle(h, methodReadLoan, h.answerReadLoan)
	handle(h, methodRecover, h.answerRecover)
	handle(h, methodVerify, h.answerVerify)
	handle(h, methodOffer, h.answerOffer)
}

// handle answers a method's calls.
func handle[Q, A any, PQ message[Q], PA message[A]](h *Hub, method string, answer func(ctx context.Context, from string, q PQ) (PA, error)) {
	h.transport.Handle(method, func(ctx context.Context, from string, request []byte) ([]byte, error) {
		if err := h.ctx.Err(); err != nil {
			return nil, fault.From(context.Cause(h.ctx))
		}
		switch method {
		case methodHello, methodJoin, methodBelongs: // who was removed may be told so, and join anew
		default:
			if err := h.checkMember(from); err != nil {
				return nil, err
			}
		}
		q := PQ(new(Q))
		if err := proto.Unmarshal(request, q); err != nil {
			return nil, fault.New(fault.InvalidArgument, "the request can't be read").WithCause(err)
		}
		a, err := answer(ctx, from, q)
		if err != nil {
			return nil, fault.From(err)
		}
		return proto.Marshal(a)
	})
}

type message[T any] interface {
	*T
	proto.Message
}

// errAlone says that there are no other nodes to call.
var errAlone = errors.New("this node is alone")

// call calls a method of another node.
func call[A any, PA message[A]](ctx context.Context, h *Hub, node, method string, q proto.Message) (PA, error) {
	if h.transport == nil {
		return nil, errAlone
	}
	request, err := proto.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", method, node, err)
	}
	response, err := h.transport.Call(ctx, node, method, request)
	if err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", method, node, err)
	}
	a := PA(new(A))
	if err := proto.Unmarshal(response, a); err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", method, node, err)
	}
	return a, nil
}

// checkRegion refuses what comes from a node of another region.
func (h *Hub) checkRegion(from, region string) error {
	if !h.status.takes() {
		return errStarting
	}
	if region != h.region.ID {
		return fault.New(fault.PermissionDenied, "node %q is of region %q, this one of %q", from, region, h.region.ID).
			WithHint("operators: give each region certificates of its own")
	}
	return nil
}
