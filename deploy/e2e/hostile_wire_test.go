package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/deploy/internal/load"
	"weir/edge/edgeclient"
	"weir/edge/token"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// dial opens a session at the level of frames, without HELLO.
func (s *server) dial(t *testing.T) *load.Session {
	t.Helper()
	d, err := load.NewDialer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	session, err := d.OpenSilent(t.Context(), s.Listen)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// hail opens a session and says hello.
func (s *server) hail(t *testing.T) *load.Session {
	t.Helper()
	session := s.dial(t)
	if err := session.Hello(s.info().Token); err != nil {
		t.Fatal(err)
	}
	return session
}

// faultOf returns the fault that a frame carries.
func faultOf(kind frame.Type, body []byte) *weirpb.Fault {
	var m interface {
		proto.Message
		GetFault() *weirpb.Fault
	}
	switch kind {
	case frame.Error:
		m = &weirpb.Error{}
	case frame.Unsubscribed:
		m = &weirpb.Unsubscribed{}
	case frame.Published:
		m = &weirpb.Published{}
	case frame.Refreshed:
		m = &weirpb.Refreshed{}
	case frame.Goodbye:
		m = &weirpb.Goodbye{}
	default:
		return nil
	}
	if frame.Decode(body, m) != nil {
		return nil
	}
	return m.GetFault()
}

// expectFault reads frames until one carries a fault, which must have the code and a sentence.
func expectFault(t *testing.T, session *load.Session, want fault.Code) {
	t.Helper()
	type answer struct {
		kind frame.Type
		body []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		for {
			kind, body, err := session.Reply()
			if err != nil || faultOf(kind, body) != nil {
				answers <- answer{kind, bytes.Clone(body), err}
				return
			}
		}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			t.Fatalf("the session ended with %v, want %s", a.err, want)
		}
		f := faultOf(a.kind, a.body)
		if f.GetCode() != string(want) || len(f.GetMessage()) < 10 {
			t.Errorf("%s with %v, want %s", a.kind, f, want)
		}
	case <-time.After(patience):
		t.Errorf("no answer within %v, want %s", patience, want)
	}
}

// encoded returns a frame with any body.
func encoded(kind frame.Type, body []byte) []byte {
	return append(frame.AppendHeader(nil, kind, len(body)), body...)
}

func message(kind frame.Type, m proto.Message) []byte {
	b, err := frame.Append(nil, kind, m)
	if err != nil {
		panic(err) // the messages here are valid
	}
	return b
}

func subscribe(number uint32, channel string, filters ...string) []byte {
	m := &weirpb.Subscribe{Subscription: number, Channel: channel}
	for _, f := range filters {
		m.Filters = append(m.Filters, &weirpb.FilterRef{Name: f})
	}
	return message(frame.Subscribe, m)
}

func publish(p *weirpb.Publication) []byte {
	return message(frame.Publish, &weirpb.Publish{Request: 1, Publication: p})
}

// provoke writes bytes and expects a fault. A long frame may not get out: then the writer is told why.
func provoke(t *testing.T, session *load.Session, send []byte, want fault.Code) {
	t.Helper()
	if err := session.Write(send); err != nil {
		if !strings.Contains(err.Error(), string(want)) {
			t.Errorf("writing ended with %v, want %s", err, want)
		}
		return
	}
	expectFault(t, session, want)
}

func testBadFrames(t *testing.T, s *server) {
	garbage := bytes.Repeat([]byte{0xff}, 40)
	for name, c := range map[string]struct {
		send []byte
		want fault.Code
	}{
		"unknown type":           {encoded(0x2f, nil), fault.FrameUnknown},
		"noise":                  {garbage, fault.FrameMalformed},
		"second hello":           {message(frame.Hello, &weirpb.Hello{}), fault.FrameUnexpected},
		"server's welcome":       {message(frame.Welcome, &weirpb.Welcome{}), fault.FrameUnexpected},
		"server's batch":         {message(frame.Batch, &weirpb.Batch{}), fault.FrameUnexpected},
		"garbage subscribe":      {encoded(frame.Subscribe, garbage), fault.FrameMalformed},
		"garbage publish":        {encoded(frame.Publish, garbage), fault.FrameMalformed},
		"long frame":             {encoded(frame.Publish, make([]byte, 300<<10)), fault.FrameTooLarge},
		"1 MiB":                  {encoded(frame.Publish, make([]byte, 1<<20)), fault.FrameTooLarge},
		"claimed length":         {frame.AppendHeader(nil, frame.Publish, 1<<40), fault.FrameTooLarge},
		"bad channel":            {subscribe(1, "no spaces here"), fault.ChannelInvalid},
		"no channel":             {subscribe(1, ""), fault.ChannelInvalid},
		"unknown namespace":      {subscribe(1, "nowhere:x"), fault.NamespaceUnknown},
		"five filters":           {subscribe(1, "chat", "a", "b", "c", "d", "e"), fault.TooManyFilters},
		"unknown filter":         {subscribe(1, "chat", "no-such"), fault.FilterUnknown},
		"subscription twice":     {append(subscribe(1, "chat"), subscribe(1, "chat")...), fault.SubscriptionDuplicate},
		"params out of the blue": {message(frame.Params, &weirpb.Params{Subscription: 9, Revision: 1}), fault.SubscriptionUnknown},
		"unsubscribe nothing":    {message(frame.Unsubscribe, &weirpb.Unsubscribe{Subscription: 9}), fault.SubscriptionUnknown},
		"state without key":      {publish(&weirpb.Publication{Channel: "flights", Sequence: 1}), fault.KeyRequired},
		"ephemeral state":        {publish(&weirpb.Publication{Channel: "flights", Key: "k", Ack: weirpb.Ack_ACK_NONE}), fault.EphemeralNotAllowed},
		"sequence from nowhere":  {publish(&weirpb.Publication{Channel: "chat", Sequence: 7}), fault.SequenceGap},
		"long key":               {publish(&weirpb.Publication{Channel: "flights", Key: strings.Repeat("k", 600), Sequence: 1}), fault.KeyInvalid},
		"payload":                {publish(&weirpb.Publication{Channel: "chat", Payload: make([]byte, 100<<10), Sequence: 1}), fault.PayloadTooLarge},
		"garbage refresh":        {message(frame.Refresh, &weirpb.Refresh{Token: "garbage"}), fault.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			session := s.hail(t)
			provoke(t, session, c.send, c.want)
		})
	}
	for name, c := range map[string]struct {
		send []byte
		want fault.Code
	}{
		"subscribe before hello": {subscribe(1, "chat"), fault.FrameUnexpected},
		"garbage hello":          {encoded(frame.Hello, garbage), fault.FrameMalformed},
		"long hello":             {encoded(frame.Hello, make([]byte, 100<<10)), fault.FrameTooLarge},
		"no token":               {message(frame.Hello, &weirpb.Hello{}), fault.Unauthenticated},
		"silence":                {[]byte{byte(frame.Hello)}, fault.HelloTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			session := s.dial(t)
			provoke(t, session, c.send, c.want)
		})
	}
}

func testBadTokens(t *testing.T, s *server) {
	info := s.info()
	s.mustWeir("tenant", "create", "rival")
	rivals := s.mustWeir("key", "signing", "create", "--tenant", "rival")
	ours, err := os.ReadFile(info.SigningKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	mint := func(jwk []byte, tenant string, change func(*token.Claims)) string {
		t.Helper()
		key, err := token.ParseJWK(jwk)
		if err != nil {
			t.Fatal(err)
		}
		claims := &token.Claims{Tenant: tenant, Subject: "mallory", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"}}
		change(claims)
		minted, err := token.Mint(claims, key)
		if err != nil {
			t.Fatal(err)
		}
		return minted
	}
	as := func(change func(*token.Claims)) string { return mint(ours, "demo", change) }
	unchanged := func(*token.Claims) {}
	parts := strings.Split(info.Token, ".")
	for name, c := range map[string]struct {
		token string
		want  fault.Code
	}{
		"expired":       {as(func(c *token.Claims) { c.Expires = time.Now().Add(-time.Hour) }), fault.TokenExpired},
		"not yet valid": {as(func(c *token.Claims) { c.NotBefore = time.Now().Add(time.Hour) }), fault.TokenExpired},
		"forged":        {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), fault.TokenInvalid},
		"other claims":  {parts[0] + "." + strings.Split(as(unchanged), ".")[1] + "." + parts[2], fault.TokenInvalid},
		"unsigned":      {"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + ".", fault.TokenInvalid},
		"wrong tenant":  {mint(rivals, "demo", unchanged), fault.TokenInvalid},
		"no tenant":     {mint(ours, "nobody", unchanged), fault.TokenInvalid},
		"no token":      {"hello", fault.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			session := s.dial(t)
			if err := session.Send(frame.Hello, &weirpb.Hello{Token: c.token}); err != nil {
				t.Fatal(err)
			}
			expectFault(t, session, c.want)
		})
	}
	t.Run("rival sees nothing", func(t *testing.T) {
		session := s.dial(t)
		if err := session.Hello(mint(rivals, "rival", unchanged)); err != nil {
			t.Fatal(err)
		}
		if err := session.Write(subscribe(1, hostileChannel)); err != nil {
			t.Fatal(err)
		}
		expectFault(t, session, fault.NamespaceUnknown)
	})
	t.Run("capabilities", func(t *testing.T) {
		session := s.dial(t)
		if err := session.Hello(as(func(c *token.Claims) { c.Subscribe, c.Publish = []string{"flights"}, nil })); err != nil {
			t.Fatal(err)
		}
		for _, send := range [][]byte{subscribe(1, "chat"), publish(&weirpb.Publication{Channel: "flights", Key: "k", Sequence: 1})} {
			if err := session.Write(send); err != nil {
				t.Fatal(err)
			}
			expectFault(t, session, fault.PermissionDenied)
		}
	})
}

// testBigPayloads publishes 1 MiB by every way there is. Each says what the limit is, and the session lives on.
func testBigPayloads(t *testing.T, s *server) {
	big := bytes.Repeat([]byte("x"), 1<<20)
	t.Run("client", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c := s.client(ctx)
		_, err := c.Publish(ctx, edgeclient.Publication{Channel: "chat", Payload: big})
		if fault.CodeOf(err) != fault.PayloadTooLarge {
			t.Errorf("1 MiB: %v", err)
		}
		if _, err := c.Publish(ctx, edgeclient.Publication{Channel: "chat", Payload: []byte("small")}); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
	t.Run("command line", func(t *testing.T) {
		if _, err := s.weir(t.Context(), "pub", "chat", string(big[:120<<10])); err == nil || !strings.Contains(err.Error(), "122880 bytes") {
			t.Errorf("120 KiB: %v", err)
		}
	})
	t.Run("server API", func(t *testing.T) {
		info := s.info()
		body := fmt.Sprintf(`{"tenant":"demo","event":{"channel":"chat"},"text":%q}`, big)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, info.API+"/weir.v1.EventService/Publish", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+info.AdminKey)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusBadRequest || !bytes.Contains(answer, []byte("payload_too_large")) {
			t.Errorf("%s: %.300s", response.Status, answer)
		}
	})
}
