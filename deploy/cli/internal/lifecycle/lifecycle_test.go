package lifecycle

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClosesInReverseAndWaits(t *testing.T) {
	l := New()
	var order []string
	for _, name := range []string{"hub", "edge", "page"} {
		l.OnClose(name, func(context.Context) error {
			order = append(order, name)
			return nil
		})
	}
	ended := false
	l.Go("feed", func(ctx context.Context) error {
		<-ctx.Done()
		ended = true
		return ctx.Err()
	})
	if err := l.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if !ended {
		t.Error("did not wait for the goroutine")
	}
	if want := []string{"page", "edge", "hub"}; !slices.Equal(order, want) {
		t.Errorf("closed %v, want %v", order, want)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Wait(ctx); err != nil {
		t.Errorf("an orderly end is reported as a failure: %v", err)
	}
	if err := l.Close(time.Minute); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestOwnedGoroutineEndsInItsTurn(t *testing.T) {
	l := New()
	var order []string
	l.OnClose("hub", func(context.Context) error {
		order = append(order, "hub")
		return nil
	})
	l.GoOwned("sessions", func(ctx context.Context) error {
		<-ctx.Done()
		order = append(order, "sessions")
		return nil
	})
	l.OnClose("edge", func(context.Context) error {
		order = append(order, "edge")
		return nil
	})
	if err := l.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if want := []string{"edge", "sessions", "hub"}; !slices.Equal(order, want) {
		t.Errorf("ended %v, want %v", order, want)
	}
}

func TestFailureIsReportedOnce(t *testing.T) {
	l := New()
	bad := errors.New("bad")
	for range 3 {
		l.Go("feed", func(context.Context) error { return bad })
	}
	l.GoOwned("owned", func(context.Context) error { return bad })
	if err := l.Wait(context.Background()); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
	if err := l.Close(time.Minute); err != nil {
		t.Error(err)
	}
}

func TestCloseErrorsNameTheirSource(t *testing.T) {
	l := New()
	l.OnClose("hub", func(context.Context) error { return io.ErrUnexpectedEOF })
	if err := l.Close(time.Minute); err == nil || err.Error() != "close hub: unexpected EOF" {
		t.Errorf("error %v", err)
	}
}

// A request that ends only when the server does must not keep the server from ending.
func TestRequestsAreCutAfterTheGrace(t *testing.T) {
	l := New()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	l.ServeHTTP("page", &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})}, socket)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answered := make(chan error, 1)
	go func() {
		response, err := client.Get("http://" + socket.Addr().String())
		if err == nil {
			_ = response.Body.Close()
		}
		answered <- err
	}()
	<-arrived
	if err := l.Close(0); err != nil {
		t.Error(err)
	}
	if err := <-answered; err == nil {
		t.Error("the request was answered")
	}
}
