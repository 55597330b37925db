package transport

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/coder/websocket"

	"weir/proto/frame"
)

// message reads the WebSocket messages of a connection, one after another, and takes no memory for them.
type message struct {
	socket *websocket.Conn
	limit  int // longest message, in bytes

	current io.Reader // nil: between messages
	left    int       // of limit, in bytes
	peeked  [1]byte   // the first byte of the next frame, if full
	full    bool
}

// open goes on to where a frame begins: within the message, or at the beginning of the next one.
func (m *message) open() error {
	if m.current != nil {
		switch _, err := io.ReadFull(m, m.peeked[:]); {
		case err == nil:
			m.full = true
			return nil
		case !errors.Is(err, io.EOF):
			return err
		}
		m.current = nil
	}
	kind, current, err := m.socket.Reader(context.Background())
	if err != nil {
		return orderly(err)
	}
	if kind != websocket.MessageBinary {
		return fmt.Errorf("%w: a text message", frame.ErrMalformed)
	}
	m.current, m.left = current, m.limit
	return nil
}

func (m *message) Read(p []byte) (int, error) {
	if m.full && len(p) > 0 {
		m.full = false
		p[0] = m.peeked[0]
		return 1, nil
	}
	if m.left == 0 {
		return 0, m.end()
	}
	n, err := m.current.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}

// end returns io.EOF if the message ends at its limit.
func (m *message) end() error {
	var more [1]byte
	if n, err := m.current.Read(more[:]); n == 0 && err != nil {
		return err
	}
	return fmt.Errorf("%w: a message of more than %d bytes", frame.ErrTooLarge, m.limit)
}

func (m *message) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(m, b[:])
	return b[0], err
}

// orderly turns a client's leave in good order into io.EOF.
func orderly(err error) error {
	switch websocket.CloseStatus(err) {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
		return io.EOF
	}
	return err
}
