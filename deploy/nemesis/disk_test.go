package nemesis

import (
	"fmt"
	"syscall"
)

// ownDisks reports whether this process may give nodes disks of their own.
func ownDisks() bool { return syscall.Geteuid() == 0 }

// mountDisk gives a node a small disk of its own, where that is allowed.
func (r *region) mountDisk(n *node) {
	r.t.Helper()
	if !ownDisks() {
		return
	}
	err := syscall.Mount("weir", n.data, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", diskBytes))
	n.ownDisk = err == nil
	if err != nil {
		r.t.Logf("%s gets no disk of its own, so it is not filled: %v", n.name, err)
	}
}

func (r *region) unmountDisk(n *node) {
	if !n.ownDisk {
		return
	}
	if err := syscall.Unmount(n.data, syscall.MNT_DETACH); err != nil {
		r.t.Errorf("unmount the disk of %s: %v", n.name, err)
	}
}
