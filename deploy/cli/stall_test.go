package cli

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestStalledStreamIsGivenUp has a stream be slow, and then bring nothing more.
func TestStalledStreamIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		r, stop := newStallReader(from, time.Minute, func(err error) { _ = to.CloseWithError(err) })
		defer stop()
		go func() {
			for range 5 {
				time.Sleep(59 * time.Second)
				if _, err := to.Write([]byte("x")); err != nil {
					t.Error(err)
				}
			}
		}()
		began := time.Now()
		got, err := io.ReadAll(r)
		if string(got) != "xxxxx" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", got, err)
		}
		if took := time.Since(began); took != 5*59*time.Second+time.Minute {
			t.Errorf("it was given up after %v", took)
		}
	})
}
