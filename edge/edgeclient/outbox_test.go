package edgeclient

import (
	"bytes"
	"testing"
)

func TestOutbox(t *testing.T) {
	o := newOutbox()
	sizes := []int{10, maxMessage - 20, 10, 1, maxMessage + 1, 5}
	for i, n := range sizes {
		if !o.put(bytes.Repeat([]byte{byte(i)}, n)) {
			t.Fatal("no room")
		}
	}
	<-o.ready
	var got []int
	var message []byte
	for message = o.take(message); len(message) > 0; message = o.take(message) {
		got = append(got, len(message))
	}
	// As much together as fits, no frame in two pieces, and one that is longer alone.
	equal(t, []int{maxMessage, 1, maxMessage + 1, 5}, got)
	if o.bytes != 0 || !o.room() {
		t.Errorf("%d bytes are left", o.bytes)
	}
	big := make([]byte, maxOutbox)
	if !o.put(big) || o.put([]byte{1}) || o.room() {
		t.Error("the outbox has no bound")
	}
}
