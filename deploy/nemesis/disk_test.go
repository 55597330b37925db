package nemesis

import (
	"fmt"
	"syscall"
	"testing"

	"weir/deploy/internal/region"
)

// diskBytes is the size of a node's disk: small enough to be filled in a moment.
const diskBytes = 512 << 20

// disks are what nodes keep their data on: each a small disk of its own, where this process may make them.
type disks struct {
	t       *testing.T
	mounted []string
}

// give gives a node a disk. Without one a node works as well, but is not filled.
func (d *disks) give(n *region.Node) error {
	err := syscall.Mount("weir", n.Data, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", diskBytes))
	if err != nil {
		d.t.Logf("%s gets no disk of its own, so it is not filled: %v", n.Name, err)
		return nil
	}
	d.mounted = append(d.mounted, n.Data)
	return nil
}

func (d *disks) takeAway() {
	for _, path := range d.mounted {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			d.t.Errorf("unmount a disk: %v", err)
		}
	}
}
