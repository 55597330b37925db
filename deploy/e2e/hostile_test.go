package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/edge/edgeclient"
)

const hostileChannel = "chat:calm"

// TestHostile lets everything bad loose on a server at once, and watches a subscriber that wants nothing but its events.
func TestHostile(t *testing.T) {
	s := newServer(t, "--no-demo")
	watched := startCalm(t, s)
	t.Run("attacks", func(t *testing.T) {
		t.Run("modules", func(t *testing.T) { t.Parallel(); testBadModules(t, s) })
		t.Run("guests", func(t *testing.T) { t.Parallel(); testBadGuests(t, s) })
		t.Run("frames", func(t *testing.T) { t.Parallel(); testBadFrames(t, s) })
		t.Run("tokens", func(t *testing.T) { t.Parallel(); testBadTokens(t, s) })
		t.Run("payloads", func(t *testing.T) { t.Parallel(); testBigPayloads(t, s) })
	})
	watched.finish(t)
}

// A calm is a publisher and a subscriber beside the attacks.
type calm struct {
	stop chan struct{}
	sent chan int // how many, once stopped
	sub  *edgeclient.Subscription
}

func startCalm(t *testing.T, s *server) *calm {
	ctx := context.Background()
	sub, err := s.client(ctx).Subscribe(ctx, hostileChannel, edgeclient.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := &calm{stop: make(chan struct{}), sent: make(chan int, 1), sub: sub}
	publisher := s.client(ctx)
	go func() {
		n := 0
		defer func() { c.sent <- n }()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-tick.C:
			}
			n++
			if _, err := publisher.Publish(ctx, edgeclient.Publication{Channel: hostileChannel, Payload: fmt.Append(nil, n)}); err != nil {
				t.Errorf("the calm publisher: %v", err)
				return
			}
		}
	}()
	return c
}

// finish checks that the subscriber has had everything, once and in order, without having been disconnected.
func (c *calm) finish(t *testing.T) {
	close(c.stop)
	sent := <-c.sent
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for n := 1; n <= sent; n++ {
		m, err := c.sub.Next(ctx)
		if err != nil {
			t.Fatalf("the calm subscriber after %d of %d: %v", n-1, sent, err)
		}
		if m.Type != edgeclient.Event || string(m.Payload) != fmt.Sprint(n) {
			t.Fatalf("the calm subscriber got %v %q instead of event %d", m.Type, m.Payload, n)
		}
	}
	t.Logf("the calm subscriber had all %d events", sent)
}

// testBadModules uploads what can't be a filter. Each is refused with a message of its own that says why.
func testBadModules(t *testing.T, s *server) {
	good := newGuest(0x42, 0)
	everything := []byte{3}
	for _, name := range []string{"env.open", "wasi_snapshot_preview1.fd_write", "weir.clock"} {
		module, field, _ := strings.Cut(name, ".")
		everything = append(append(append(append(everything, byte(len(module))), module...), byte(len(field))), field...)
		everything = append(everything, 0, kindNone)
	}
	imports := newGuest(0x42, 0)
	imports.imports = everything
	whole := good.module()
	for name, c := range map[string]struct {
		module []byte
		want   string
	}{
		"empty":          {nil, "missing"},
		"text":           {[]byte("(module)"), "text format"},
		"not wasm":       {[]byte("\x7fELF and so on"), "native program"},
		"archive":        {[]byte("\x1f\x8b\x08 gzip"), "archive"},
		"truncated":      {whole[:len(whole)-7], "cut off"},
		"other version":  {[]byte("\x00asm\x02\x00\x00\x00"), "version"},
		"trailing":       {append(bytes.Clone(whole), 99, 1, 2), ""},
		"no match":       {newGuest().without("weir_match").module(), "weir_match"},
		"no marker":      {newGuest(0x42, 0).without("weir_abi_1").module(), "weir_abi_1"},
		"no buffer":      {newGuest(0x42, 0).without("weir_buf").module(), "weir_buf"},
		"wrong match":    {newGuest().with("weir_match", guestFunc{kindBuf, []byte{0x41, 0}}).module(), "weir_match with the wrong signature"},
		"wrong prepare":  {newGuest(0x42, 0).with("weir_prepare", guestFunc{kindNone, nil}).module(), "weir_prepare with the wrong signature"},
		"imports":        {imports.module(), "weir.log alone"},
		"does not check": {newGuest(0x41, 0).module(), ""}, // an i32 where an i64 is due
		"huge memory":    {bytes.Replace(whole, []byte{5, 3, 1, 0, 2}, []byte{5, 5, 1, 0, 0xff, 0xff, 0x03}, 1), "65535 pages"},
		"over the limit": {append(bytes.Clone(whole), make([]byte, 5<<20)...), "more than 4194304"},
		"no buffer room": {newGuest(0x42, 0).with("weir_buf", guestFunc{kindBuf, []byte{0x41, 0}}).module(), "no room"},
		"buffer outside": {newGuest(0x42, 0).with("weir_buf", guestFunc{kindBuf, []byte{0x41, 0x70}}).module(), "outside of the memory"},
		"buffer traps":   {newGuest(0x42, 0).with("weir_buf", guestFunc{kindBuf, []byte{0}}).module(), "trapped"},
	} {
		err := upload(t, s, "bad", c.module)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "internal") {
			t.Errorf("%s: the error lacks %q: %v", name, c.want, err)
		}
	}
	giant := filepath.Join(t.TempDir(), "giant.wasm")
	if err := os.WriteFile(giant, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(giant, 200<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := s.weir(t.Context(), "filter", "upload", "bad", giant); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("200 MB: %v", err)
	}
}

func upload(t *testing.T, s *server, name string, module []byte) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(file, module, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.weir(t.Context(), "filter", "upload", name, file)
	return err
}

// testBadGuests uploads filters that look well and misbehave when they run. Their subscribers are told, and get nothing
// that the filter did not let through.
func testBadGuests(t *testing.T, s *server) {
	loop := []byte{0x03, 0x40, 0x0c, 0, 0x0b}
	recurse := []byte{0x20, 0, 0x20, 1, 0x20, 2, 0x20, 3, 0x20, 4, 0x10, 3} // calls match, the fourth function
	outside := []byte{0x41, 0x7f, 0x42, 0, 0x37, 3, 0, 0x42, 0}             // a store at the memory's end
	point := []byte{0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}            // an answer that points nowhere
	for name, g := range map[string]*guest{
		"loop":           newGuest(append(bytes.Clone(loop), 0)...),
		"trap":           newGuest(0),
		"recursion":      newGuest(recurse...),
		"outside":        newGuest(outside...),
		"points-outside": newGuest(point...),
		"prepare-loops":  newGuest(0x42, 0).with("weir_prepare", guestFunc{kindPrepare, append(bytes.Clone(loop), 0)}),
		"prepare-traps":  newGuest(0x42, 0).with("weir_prepare", guestFunc{kindPrepare, []byte{0}}),
		"eats-memory":    newGuest(0x03, 0x40, 0x41, 1, 0x40, 0, 0x1a, 0x0c, 0, 0x0b, 0),
	} {
		t.Run(name, func(t *testing.T) {
			if err := upload(t, s, name, g.module()); err != nil {
				t.Fatalf("upload: %v", err)
			}
			subscribeToBad(t, s, name)
		})
	}
}

// subscribeToBad subscribes with a filter that fails, and checks that this is said: at once, or with a gap.
func subscribeToBad(t *testing.T, s *server, name string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sub, err := s.client(ctx).Subscribe(ctx, hostileChannel, edgeclient.SubscribeOptions{
		Filters: []edgeclient.Filter{{Name: name, Params: []byte("{}")}},
	})
	if err != nil {
		if !strings.Contains(err.Error(), "filter_failed") {
			t.Errorf("subscribe: %v", err)
		}
		return
	}
	defer sub.Close()
	m, err := sub.Next(ctx)
	if err != nil || m.Type != edgeclient.Gap || m.Reason != "filter_failed" {
		t.Errorf("got %v %q %q, %v; want a gap that says filter_failed", m.Type, m.Reason, m.Payload, err)
	}
}
