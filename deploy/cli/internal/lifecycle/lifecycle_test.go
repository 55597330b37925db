package lifecycle

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/proto/fault"
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
	if err := l.Close(time.Minute, time.Hour); err != nil {
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
	if err := l.Close(time.Minute, time.Hour); err != nil {
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
	if err := l.Close(time.Minute, time.Hour); err != nil {
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
	if err := l.Close(time.Minute, time.Hour); err != nil {
		t.Error(err)
	}
}

func TestCloseErrorsNameTheirSource(t *testing.T) {
	l := New()
	l.OnClose("hub", func(context.Context) error { return io.ErrUnexpectedEOF })
	if err := l.Close(time.Minute, time.Hour); err == nil || err.Error() != "close hub: unexpected EOF" {
		t.Errorf("error %v", err)
	}
}

// asked serves a request by a handler, and returns when it has arrived. What comes of it follows.
func asked(t *testing.T, l *Lifecycle, answer http.HandlerFunc) (body <-chan string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived, answered := make(chan struct{}), make(chan string, 1)
	l.ServeHTTP("page", &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		answer(w, r)
	})}, socket)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		defer close(answered)
		response, err := client.Get("http://" + socket.Addr().String())
		if err != nil {
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-arrived
	return answered
}

// A request that waits for something is answered when the grace is over.
func TestRequestsThatWaitAreAnswered(t *testing.T) {
	l := New()
	answered := asked(t, l, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		_, _ = io.WriteString(w, fault.From(context.Cause(r.Context())).Message)
	})
	if err := l.Close(0, time.Hour); err != nil {
		t.Error(err)
	}
	if got, want := <-answered, fault.From(ErrStopping).Message; got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
}

// A request that ends only when the server does must not keep the server from ending.
func TestRequestsAreCutAfterTheGrace(t *testing.T) {
	l := New()
	cut := make(chan struct{})
	answered := asked(t, l, func(http.ResponseWriter, *http.Request) { <-cut })
	if err := l.Close(0, time.Hour); err != nil {
		t.Error(err)
	}
	if got, ok := <-answered; ok {
		t.Errorf("the request was answered: %q", got)
	}
	close(cut)
}

// What does not end is named, and left behind.
func TestClosingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		stuck := make(chan struct{})
		var ended bool
		l.OnClose("data folder", func(context.Context) error { ended = true; return nil })
		l.OnClose("hub", func(context.Context) error { <-stuck; return nil })
		began := time.Now()
		err := l.Close(time.Second, 5*time.Second)
		if !errors.Is(err, ErrStuck) || err.Error() != "close hub: it has not ended in time" || time.Since(began) != 5*time.Second {
			t.Errorf("closed after %s with %v", time.Since(began), err)
		}
		close(stuck)
		synctest.Wait()
		if !ended {
			t.Error("the rest is not closed when it can be")
		}
	})
}
