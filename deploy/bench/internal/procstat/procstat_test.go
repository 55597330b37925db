package procstat

import (
	"os"
	"runtime"
	"testing"
)

func TestOwnProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc, which Linux has")
	}
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for sum, after := 0, before; after <= before; sum++ { // burns until a tick is charged
		if after, err = CPU(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	rss, err := RSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if rss < 1<<20 {
		t.Errorf("RSS() = %d bytes, want over a MiB", rss)
	}
}

func TestNoSuchProcess(t *testing.T) {
	if _, err := CPU(1 << 30); err == nil {
		t.Error("CPU of a process that can't exist: no error")
	}
	if _, err := RSS(1 << 30); err == nil {
		t.Error("RSS of a process that can't exist: no error")
	}
}
