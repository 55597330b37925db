package cli

import (
	"io"
	"sync"
)

// A batchWriter writes lines in a goroutine of its own: one at a time while they are few, many at once when they come
// faster than they can be written. It keeps the order.
type batchWriter struct {
	lines chan []byte
	done  chan struct{}
	fail  func(error) // called once, with the first error of writing

	once sync.Once
	err  error // set before done is closed
}

// linesWaiting bounds what waits to be written; then the subscription has to wait, and the edge behind it.
const linesWaiting = 1024

// newBatchWriter returns a writer to out. fail is called, once, when out can't be written to.
func newBatchWriter(out io.Writer, fail func(error)) *batchWriter {
	w := &batchWriter{lines: make(chan []byte, linesWaiting), done: make(chan struct{}), fail: fail}
	go func() {
		defer close(w.done)
		w.err = w.run(out)
	}()
	return w
}

// write hands over a line, which becomes the writer's. It waits while too many wait.
func (w *batchWriter) write(line []byte) {
	select {
	case w.lines <- line:
	case <-w.done: // failed: fail has been called
	}
}

// close writes what is left and returns the first error.
func (w *batchWriter) close() error {
	w.once.Do(func() { close(w.lines) })
	<-w.done
	return w.err
}

func (w *batchWriter) run(out io.Writer) error {
	var batch []byte
	for line := range w.lines {
		batch = append(batch[:0], line...)
		batch = w.appendWaiting(batch)
		if _, err := out.Write(batch); err != nil {
			w.fail(err)
			return err
		}
	}
	return nil
}

// maxBatch is about how much is written at once, in bytes: what a pipe takes.
const maxBatch = 64 << 10

// appendWaiting appends the lines that are there already.
func (w *batchWriter) appendWaiting(batch []byte) []byte {
	for len(batch) < maxBatch {
		select {
		case line, more := <-w.lines:
			if !more {
				return batch
			}
			batch = append(batch, line...)
		default:
			return batch
		}
	}
	return batch
}
