package replica_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/replica"
)

// TestNothingIsSeenOfWhatTheLeaderHasNotWritten has both followers acknowledge entries whose fsync the leader's disk is busy with.
func TestNothingIsSeenOfWhatTheLeaderHasNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTrio(t, nil, nil)
		defer g.stop()
		name, others := g.leader()
		leader := g.nodes[name]
		propose(t, leader.Replica, "a")
		g.awaitAll("a")
		durable := leader.Last()
		leader.fs.hold()
		x := proposed(leader, "x")
		time.Sleep(5 * time.Second) // followers hear of commits after 50 ms
		y := proposed(leader, "y")
		time.Sleep(5 * time.Second)

		if !leader.Leads() || leader.Counted() != durable+2 {
			t.Fatalf("it leads: %v; of %d entries raft has counted %d", leader.Leads(), leader.Last(), leader.Counted())
		}
		select {
		case err := <-x:
			t.Fatalf("the entry is acknowledged, %v", err)
		default:
		}
		if c, a := leader.Committed(), leader.Applied(); c != durable || a != durable {
			t.Errorf("%d are said to be committed and %d to be applied, of %d", c, a, durable)
		}
		if end, _ := leader.End(); end != durable {
			t.Errorf("the log is said to end at %d, not %d", end, durable)
		}
		if got := leader.machine.list(); got != "a" {
			t.Errorf("the leader's machine has %q", got)
		}
		for _, other := range others {
			n := g.nodes[other]
			if n.Last() != durable+2 {
				t.Errorf("%s has %d entries, not %d", other, n.Last(), durable+2)
			}
			if got := n.machine.list(); got != "a" || n.Committed() != durable {
				t.Errorf("%s has been told of %d entries, its machine has %q", other, n.Committed(), got)
			}
		}
		leader.fs.release()
		for _, outcome := range []<-chan error{x, y} {
			if err := <-outcome; err != nil {
				t.Error(err)
			}
		}
		if got := g.awaitAll("y"); got != "a x y" {
			t.Errorf("all have %q", got)
		}
	})
}

// TestLeaderLosesPowerBeforeItHasWritten ends a leader whose disk is busy with an entry that so many followers have. The
// others go on, and where one of them has the entry but does not vote, without it. Nothing was acknowledged, and all come to the same.
func TestLeaderLosesPowerBeforeItHasWritten(t *testing.T) {
	for _, has := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(has, " followers"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newTrio(t, nil, nil)
				defer g.stop()
				name, others := g.leader()
				leader := g.nodes[name]
				propose(t, leader.Replica, "a")
				g.awaitAll("a")
				durable := leader.Last()
				leader.fs.hold()
				for _, other := range others[has:] {
					g.end(other)
				}
				x := proposed(leader, "x")
				time.Sleep(300 * time.Millisecond) // less than it leads without a majority
				if counted := leader.Counted() > durable; counted != (has > 0) {
					t.Fatalf("raft has counted the entry: %v", counted)
				}
				if has == 1 { // the follower that has the entry is away while the others elect
					g.end(others[0])
				}
				delete(g.nodes, name)
				left := g.losePower(name, leader)
				if err := <-x; err == nil || replica.Certain(err) {
					t.Errorf("the entry is answered with %v", err)
				}
				if got := leader.machine.list(); got != "a" {
					t.Errorf("the machine of the node that lost power has %q", got)
				}
				g.net.Heal()
				g.start(name, left)
				for _, other := range others[has:] {
					g.start(other, g.disks[other])
				}
				next, _ := g.leader()
				propose(t, g.nodes[next].Replica, "z")
				if has == 1 {
					g.start(others[0], g.disks[others[0]])
				}
				want := "a z"
				if has == 2 {
					want = "a x z"
				}
				if got := g.awaitAll("z"); got != want {
					t.Errorf("all have %q, not %q", got, want)
				}
				time.Sleep(time.Minute)
				for _, other := range g.names {
					if end, _ := g.nodes[other].End(); end != g.nodes[next].Last() {
						t.Errorf("%s ends at %d, not %d", other, end, g.nodes[next].Last())
					}
				}
			})
		})
	}
}

// TestAckTakesOneFsync has every disk take 10 ms and all else no time: leader and followers write at once.
func TestAckTakesOneFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fsync = 10 * time.Millisecond
		g := newTrio(t, nil, func() time.Duration { return fsync })
		defer g.stop()
		name, _ := g.leader()
		for i := range 10 {
			began := time.Now()
			propose(t, g.nodes[name].Replica, fmt.Sprint("e", i))
			if took := time.Since(began); took != fsync {
				t.Errorf("entry %d is acknowledged after %v", i, took)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestDiskFailsForALeader has a leader's disk fail with an entry that both followers have: it answers that it does not know, makes
// no snapshot that would declare what its machine was not given, and takes no further part, while the others go on.
func TestDiskFailsForALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTrio(t, nil, nil)
		defer g.stop()
		name, _ := g.leader()
		leader := g.nodes[name]
		propose(t, leader.Replica, "a")
		g.awaitAll("a")
		leader.fs.hold()
		x := proposed(leader, "x")
		time.Sleep(time.Second)
		leader.fs.fail(func() {})
		if err := <-x; !errors.Is(err, raftlog.ErrDisk) || replica.Certain(err) {
			t.Errorf("the entry is answered with %v", err)
		}
		awaitBroken(t, leader.Replica, raftlog.ErrDisk)
		if err := leader.Snapshot(); err == nil || !strings.Contains(err.Error(), "disk has failed") {
			t.Errorf("a snapshot: %v", err)
		}
		if err := leader.Propose([]byte("y")).Error(); err == nil || leader.machine.list() != "a" {
			t.Errorf("an entry afterwards: %v, the machine has %q", err, leader.machine.list())
		}
		delete(g.nodes, name)
		if err := leader.Close(); err != nil {
			t.Logf("it ends with %v", err)
		}
		next, _ := g.leader()
		propose(t, g.nodes[next].Replica, "z")
		g.start(name, g.disks[name])
		if got := g.awaitAll("z"); got != "a x z" {
			t.Errorf("all have %q", got)
		}
	})
}

// TestDiskIsFullForALeader has no room for a leader's next segment for a while.
func TestDiskIsFullForALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTrio(t, nil, nil)
		defer g.stop()
		name, _ := g.leader()
		leader := g.nodes[name]
		leader.fs.full.Store(true)
		n, outcome := 0, proposed(leader, strings.Repeat("x", 300))
		for {
			time.Sleep(time.Second)
			if len(outcome) == 0 { // not committed either: it is answered when the replica is parked
				break
			}
			if <-outcome != nil {
				outcome = nil
				break
			}
			n, outcome = n+1, proposed(leader, strings.Repeat("x", 300))
		}
		awaitBroken(t, leader.Replica, raftlog.ErrNoRoom)
		if err := leader.Park(); err != nil {
			t.Logf("parked with %v", err)
		}
		if outcome != nil && <-outcome == nil {
			t.Error("an entry is acknowledged that there was no room for")
		}
		leader.fs.full.Store(false)
		if err := leader.Begin(); err != nil {
			t.Fatal(err)
		}
		next, _ := g.leader()
		propose(t, g.nodes[next].Replica, "z")
		if got := len(strings.Fields(g.awaitAll("z"))); got < n+1 || got > n+2 {
			t.Errorf("%d entries were acknowledged, %d are there", n+1, got)
		}
	})
}
