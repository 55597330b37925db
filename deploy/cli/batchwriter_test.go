package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// gate blocks the first write until it is opened, and counts writes.
type gate struct {
	bytes.Buffer
	entered, open chan struct{}
	writes        int
}

func (g *gate) Write(p []byte) (int, error) {
	if g.writes++; g.writes == 1 {
		close(g.entered)
		<-g.open
	}
	return g.Buffer.Write(p)
}

func TestLinesThatWaitAreWrittenAtOnce(t *testing.T) {
	out := &gate{entered: make(chan struct{}), open: make(chan struct{})}
	w := newBatchWriter(out, func(err error) { t.Error(err) })
	w.write([]byte("0\n"))
	<-out.entered
	var want strings.Builder
	want.WriteString("0\n")
	for i := 1; i <= 100; i++ {
		w.write(fmt.Appendln(nil, i))
		fmt.Fprintln(&want, i)
	}
	close(out.open)
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != want.String() {
		t.Errorf("wrote %q", got)
	}
	if out.writes != 2 {
		t.Errorf("%d writes, want 2", out.writes)
	}
}

// closedPipe can't be written to.
type closedPipe struct{ err error }

func (c closedPipe) Write([]byte) (int, error) { return 0, c.err }

func TestFailureToWriteIsToldAndBlocksNobody(t *testing.T) {
	broken := errors.New("broken pipe")
	told := make(chan error, 1)
	w := newBatchWriter(closedPipe{broken}, func(err error) { told <- err })
	for range linesWaiting * 2 {
		w.write([]byte("x\n"))
	}
	if err := <-told; !errors.Is(err, broken) {
		t.Errorf("told %v", err)
	}
	if err := w.close(); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
}
