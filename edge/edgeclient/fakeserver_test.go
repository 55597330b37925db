package edgeclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// fakeLink is a link to a server that a test plays. Frames that the client sends wait for the test to expect them.
type fakeLink struct {
	kind          string
	control, data chan []byte // encoded frames to the client
	sent          chan sentFrame
	closed        chan struct{}
	once          sync.Once
}

type sentFrame struct {
	t    frame.Type
	body []byte
}

func newFakeLink(kind string) *fakeLink {
	return &fakeLink{
		kind: kind, control: make(chan []byte, 1024), data: make(chan []byte), sent: make(chan sentFrame, 4096),
		closed: make(chan struct{}),
	}
}

func (l *fakeLink) transport() string { return l.kind }
func (l *fakeLink) close()            { l.once.Do(func() { close(l.closed) }) }

var errFakeClosed = errors.New("the fake link is closed")

func (l *fakeLink) write(frames []byte) error {
	reader := frame.NewReader(bytes.NewReader(frames), frame.MaxFromClient)
	for {
		t, body, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case l.sent <- sentFrame{t, bytes.Clone(body)}:
		case <-l.closed:
			return errFakeClosed
		}
	}
}

func (l *fakeLink) read(handle func(frame.Type, []byte) error, end func(error)) {
	var g sync.WaitGroup
	for _, frames := range []chan []byte{l.control, l.data} {
		g.Go(func() { end(l.readFrom(frames, handle)) })
	}
	g.Wait()
}

func (l *fakeLink) readFrom(frames chan []byte, handle func(frame.Type, []byte) error) error {
	for {
		select {
		case encoded := <-frames:
			t, body, err := frame.NewReader(bytes.NewReader(encoded), frame.MaxFromServer).Next()
			if err != nil {
				return err
			}
			if err := handle(t, body); err != nil {
				return err
			}
		case <-l.closed:
			return errFakeClosed
		}
	}
}

// fakeServer hands the links that the client dials to the test.
type fakeServer struct {
	t     *testing.T
	links chan *fakeLink
	fail  func(transport string) error // if not nil, whether a dial fails
}

func newFakeServer(t *testing.T) *fakeServer {
	return &fakeServer{t: t, links: make(chan *fakeLink, 16)}
}

func (f *fakeServer) dial(ctx context.Context, transport string) (link, error) {
	if f.fail != nil {
		if err := f.fail(transport); err != nil {
			return nil, err
		}
	}
	l := newFakeLink(transport)
	f.links <- l
	return l, nil
}

// client starts a client of the server; the test's end closes it.
func (f *fakeServer) client(cfg Config) *Client {
	if cfg.Token == "" && cfg.TokenSource == nil {
		cfg.Token = "token"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	cfg.URL = "https://127.0.0.1:1"
	if err := cfg.validate(); err != nil {
		f.t.Fatal(err)
	}
	c := newClient(cfg.withDefaults(), f.dial)
	f.t.Cleanup(func() {
		c.cancel(ErrClosed)
		<-c.ended
	})
	return c
}

// peer is the server's side of a link.
type peer struct {
	t *testing.T
	*fakeLink
}

// waitTime is how long a test waits, in the bubble's time, for what must happen.
const waitTime = 2 * time.Hour

func (f *fakeServer) accept() *peer {
	f.t.Helper()
	select {
	case l := <-f.links:
		return &peer{f.t, l}
	case <-time.After(waitTime):
		f.t.Fatal("the client does not connect")
		panic("unreachable")
	}
}

// welcome accepts a session, and returns what the client said.
func (f *fakeServer) welcome() (*peer, *weirpb.Hello) {
	f.t.Helper()
	return f.welcomeAs("", 0)
}

// producers count, so that each fresh identity is another one.
func (f *fakeServer) welcomeAs(producer string, expires time.Duration) (*peer, *weirpb.Hello) {
	f.t.Helper()
	p := f.accept()
	hello := expect(p, frame.Hello, new(weirpb.Hello))
	if producer == "" {
		producer = hello.GetProducer()
	}
	if producer == "" {
		producer = "fresh"
	}
	m := &weirpb.Welcome{Session: "s", Producer: producer, ServerTimeMs: time.Now().UnixMilli()}
	if expires > 0 {
		m.TokenExpiresMs = time.Now().Add(expires).UnixMilli()
	}
	p.send(frame.Welcome, m)
	return p, hello
}

func (p *peer) send(t frame.Type, m proto.Message) {
	p.t.Helper()
	encoded, err := frame.Append(nil, t, m)
	if err != nil {
		p.t.Fatal(err)
	}
	to := p.control
	if t == frame.Batch {
		to = p.data
	}
	select {
	case to <- encoded:
	case <-p.closed:
		p.t.Fatalf("send %s: the client has closed the link", t)
	case <-time.After(waitTime):
		p.t.Fatalf("send %s: the client does not read", t)
	}
}

// next returns the next frame that the client sent, other than PING and PONG.
func (p *peer) next() sentFrame {
	p.t.Helper()
	deadline := time.After(waitTime)
	for {
		select {
		case f := <-p.sent:
			if f.t != frame.Ping && f.t != frame.Pong {
				return f
			}
		case <-deadline:
			p.t.Fatal("the client sends nothing")
		}
	}
}

// expect decodes the next frame, which must be of a type, into m.
func expect[M proto.Message](p *peer, t frame.Type, m M) M {
	p.t.Helper()
	f := p.next()
	if f.t != t {
		p.t.Fatalf("the client sent %s, want %s", f.t, t)
	}
	if err := frame.Decode(f.body, m); err != nil {
		p.t.Fatal(err)
	}
	return m
}

// confirm answers the next SUBSCRIBE, and returns it.
func (p *peer) confirm(kind weirpb.ChannelKind) *weirpb.Subscribe {
	p.t.Helper()
	m := expect(p, frame.Subscribe, new(weirpb.Subscribe))
	p.send(frame.Subscribed, &weirpb.Subscribed{
		Subscription: m.GetSubscription(), Channel: &weirpb.Channel{Name: m.GetChannel(), Kind: kind, Epoch: 1, FirstOffset: 1, NextOffset: 1},
	})
	return m
}

// closedBy waits for the client to close the link.
func (p *peer) closedByClient() {
	p.t.Helper()
	select {
	case <-p.closed:
	case <-time.After(waitTime):
		p.t.Fatal("the client does not close the link")
	}
}

// batch returns a batch of a log channel: its events are the offsets up to a cursor.
func batch(subscription uint32, upTo uint64, offsets ...uint64) *weirpb.Batch {
	b := &weirpb.Batch{Subscription: subscription, Cursor: &weirpb.Cursor{Epoch: 1, Offset: upTo}}
	for _, offset := range offsets {
		b.Items = append(b.Items, &weirpb.Item{
			Kind: weirpb.ItemKind_ITEM_KIND_EVENT, Event: &weirpb.Event{Offset: offset, Payload: []byte("payload")},
		})
	}
	return b
}

// items returns a batch of a state channel: items are "kind key offset" by their kinds.
func view(subscription uint32, upTo uint64, items ...*weirpb.Item) *weirpb.Batch {
	return &weirpb.Batch{Subscription: subscription, Cursor: &weirpb.Cursor{Epoch: 1, Offset: upTo}, Items: items}
}

func item(kind weirpb.ItemKind, key string, offset uint64) *weirpb.Item {
	return &weirpb.Item{Kind: kind, Event: &weirpb.Event{Offset: offset, Key: key, Payload: []byte(key)}}
}

func snapshot(b *weirpb.Batch) *weirpb.Batch {
	b.SnapshotBegin, b.SnapshotEnd = true, true
	return b
}

// subscribe subscribes while the server confirms.
func subscribe(p *peer, c *Client, channel string, kind weirpb.ChannelKind, opts SubscribeOptions) *Subscription {
	p.t.Helper()
	type result struct {
		sub *Subscription
		err error
	}
	results := make(chan result, 1)
	go func() {
		sub, err := c.Subscribe(context.Background(), channel, opts)
		results <- result{sub, err}
	}()
	p.confirm(kind)
	r := <-results
	if r.err != nil {
		p.t.Fatal(r.err)
	}
	return r.sub
}

// reads checks the next messages: "event 1", "enter a 2", "gap trimmed 1-3", "synced".
func reads(t *testing.T, sub *Subscription, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	var got []string
	for range want {
		m, err := sub.Next(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, describe(m))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}
