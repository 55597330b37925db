package mesh

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

const bulkSize = 8 << 20

// Heartbeats overtake snapshots and appends: while 8 MiB go to a follower, it hears of its leader all the time.
func TestHeartbeatsDoNotQueue(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		layers := []raft.StreamLayer{a.StreamLayer(1), b.StreamLayer(1)}
		bulk, err := layers[0].Dial("hub-2", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ping, err := layers[0].Dial("hub-2", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		done.Go(func() { _, _ = io.Copy(bulk, io.LimitReader(zeros{}, bulkSize)); _ = bulk.Close() })
		if _, err := ping.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		received := make(chan int64, 1)
		for range 2 { // whichever comes first
			conn, err := layers[1].Accept()
			if err != nil {
				t.Fatal(err)
			}
			done.Go(func() {
				one := make([]byte, 1)
				if _, err := io.ReadFull(conn, one); err == nil && one[0] == 1 {
					_, _ = io.Copy(conn, io.MultiReader(bytes.NewReader(one), conn)) // echoes
					return
				}
				n, _ := io.Copy(io.Discard, conn)
				received <- n + 1
			})
		}
		var worst time.Duration
		pings := 0
		one := make([]byte, 1)
		for answered := false; ; {
			select {
			case n := <-received:
				if n != bulkSize {
					t.Errorf("%d bytes have come", n)
				}
				answered = true
			default:
			}
			began := time.Now()
			if _, err := io.ReadFull(ping, one); err != nil {
				t.Fatal(err)
			}
			if pings > 0 { // the first waited for Accept
				worst = max(worst, time.Since(began))
			}
			if answered {
				break
			}
			pings++
			if _, err := ping.Write(one); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%d pings beside 8 MiB, the slowest in %v", pings, worst)
		if worst > 50*time.Millisecond || pings < 10 {
			t.Errorf("a ping beside 8 MiB took %v (%d pings)", worst, pings)
		}
		_ = ping.Close()
		_ = layers[0].Close()
		_ = layers[1].Close()
		done.Wait()
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
