package hub

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/proto/weirpb"
)

// BenchmarkPublishDuringBackup tells how long publications take while 100 MB are backed up again and again, beside how long
// they take without.
func BenchmarkPublishDuringBackup(b *testing.B) {
	h := withTenant(b, Config{})
	payload := bytes.Repeat([]byte("0123456789abcdef"), 512)
	var loading sync.WaitGroup
	for i := range 12_500 {
		loading.Add(1)
		h.Publish("acme", &weirpb.Publication{Channel: fmt.Sprint("chat:", i%64), Payload: payload}, func(_ *weirpb.Receipt, err error) {
			loading.Done()
		})
		if i%256 == 0 {
			loading.Wait()
		}
	}
	loading.Wait()
	for _, backups := range []bool{false, true} {
		b.Run(fmt.Sprintf("backups=%v", backups), func(b *testing.B) {
			stop, stopped := make(chan struct{}), make(chan int)
			go func() {
				n := 0
				defer func() { stopped <- n }()
				for backups {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := h.Backup(b.Context(), io.Discard); err != nil {
						b.Error(err)
						return
					}
					n++
				}
			}()
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				mustPublish(b, h, &weirpb.Publication{Channel: fmt.Sprint("chat:", len(took)%64), Payload: payload[:200]})
				took = append(took, time.Since(begun))
			}
			close(stop)
			slices.Sort(took)
			b.ReportMetric(float64(<-stopped), "backups")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
