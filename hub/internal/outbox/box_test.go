package outbox

import (
	"fmt"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

var start = time.Unix(1_800_000_000, 0)

// at is that many milliseconds after the start.
func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func limits() Limits { return Limits{Items: 100, Bytes: 10_000, LaneItems: 10, LaneBytes: 1000} }

// led returns a box of one shard whose leader is reached by session 1, in term 1.
func led() *Box {
	b := New(limits())
	b.SetShards(start, 1)
	b.SetLeader(start, 1, 1, 1)
	return b
}

func item(name string) *Item {
	i := &Item{Tenant: "acme", Channel: "chat", Size: 10, Deadline: at(20_000), Publication: &weirpb.Publication{Key: name}}
	return i
}

func known(name string) *Item {
	i := item(name)
	i.Producer, i.Again = "p", true
	return i
}

func add(t *testing.T, b *Box, items ...*Item) {
	t.Helper()
	for _, i := range items {
		if f := b.Add(start, i); f != nil {
			t.Fatal(f)
		}
	}
}

// taken says what a session is sent now.
func taken(b *Box, now time.Time, session Session) (names string, sends []Send) {
	sends = b.Take(now, session, 1000)
	for _, s := range sends {
		names += s.Item.Publication.GetKey()
	}
	return names, sends
}

// told says what senders are told now.
func told(b *Box) (all string) {
	for _, s := range b.Flush().Settled {
		outcome := "ok"
		if s.Fault != nil {
			outcome = string(s.Fault.Code)
		}
		all += fmt.Sprintf("%s:%s ", s.Item.Publication.GetKey(), outcome)
	}
	return all
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

var notLeader = fault.New(fault.NotLeader, "another node leads")

func TestEverythingGoesToTheLeaderInOrder(t *testing.T) {
	b := New(limits())
	add(t, b, item("a"), item("b"))
	if e := b.Flush(); len(e.Wake) != 0 {
		t.Errorf("%v is woken before anybody leads", e.Wake)
	}
	b.SetShards(start, 1)
	b.SetLeader(start, 1, 7, 3)
	if e := b.Flush(); len(e.Wake) != 1 || e.Wake[0] != 7 {
		t.Errorf("%v is woken, want session 7", e.Wake)
	}
	names, sends := taken(b, start, 7)
	expect(t, "sent", names, "ab")
	if sends[0].Term != 3 || sends[0].Again {
		t.Errorf("sent as %+v", sends[0])
	}
	b.Answer(start, sends[1].Attempt, &weirpb.Receipt{Offset: 2}, nil)
	b.Answer(start, sends[0].Attempt, &weirpb.Receipt{Offset: 1}, nil)
	b.Answer(start, sends[0].Attempt, nil, notLeader) // nobody waits for it
	expect(t, "told", told(b), "b:ok a:ok ")
	if b.Len() != 0 || !b.Next().IsZero() {
		t.Errorf("%d are left, due %v", b.Len(), b.Next())
	}
}

// What a node sends back waits until all that was sent with it is answered, and goes to the next leader from the front.
func TestWhatIsSentBackKeepsItsPlace(t *testing.T) {
	b := led()
	add(t, b, known("a"), known("b"), item("c"))
	_, sends := taken(b, start, 1)
	b.Answer(start, sends[1].Attempt, nil, notLeader)
	add(t, b, known("d"))
	b.SetLeader(at(1), 1, 2, 2)
	names, _ := taken(b, at(1), 2)
	expect(t, "sent while a and c are under way", names, "")
	b.Answer(at(2), sends[0].Attempt, nil, fault.New(fault.Timeout, "the lead is lost"))
	b.Answer(at(2), sends[2].Attempt, nil, notLeader)
	names, sends = taken(b, at(2), 2)
	expect(t, "sent to the next leader", names, "abcd")
	if !sends[0].Again || sends[3].Again {
		t.Errorf("sent as %+v and %+v", sends[0], sends[3])
	}
	expect(t, "told", told(b), "")
}

// A leader that hangs does not hold up what its successor could accept.
func TestAHangingLeaderIsLeft(t *testing.T) {
	b := led()
	add(t, b, known("a"), item("b"), known("c"))
	_, first := taken(b, start, 1)
	b.SetLeader(at(1000), 1, 2, 2)
	names, _ := taken(b, at(1001), 2)
	expect(t, "sent at once", names, "")
	if want := at(1000).Add(grace); !b.Next().Equal(want) {
		t.Errorf("due %v, want %v", b.Next(), want)
	}
	b.Tick(at(1100))
	names, _ = taken(b, at(1100), 2)
	expect(t, "sent after a while", names, "ac")
	b.Answer(at(1200), first[1].Attempt, &weirpb.Receipt{Offset: 9}, nil) // late, but an answer
	b.Answer(at(1200), first[0].Attempt, &weirpb.Receipt{Offset: 8}, nil)
	expect(t, "told", told(b), "b:ok a:ok ")
}

// What can't be sent again is told as soon as another node is known to lead, long before the connection to the one that had it
// is known to be dead; also where there is no connection to the next one yet.
func TestWhatCantBeSentAgainDoesNotWaitForTheDead(t *testing.T) {
	for _, next := range []Session{0, 2} {
		b := led()
		add(t, b, known("a"), item("b"))
		_, sends := taken(b, start, 1)
		b.SetLeader(at(100), 1, 0, 0) // nobody leads
		b.Tick(at(5000))
		expect(t, "told while nobody is known to lead", told(b), "")
		b.SetLeader(at(5000), 1, next, 2)
		for range 2 {
			b.Tick(b.Next().Add(-1))
			expect(t, "told while an answer may come", told(b), "")
			b.Tick(b.Next())
		}
		e := b.Flush()
		if len(e.Settled) != 1 || e.Settled[0].Item.Publication.GetKey() != "b" || e.Settled[0].Fault != movedFault {
			t.Fatalf("settled are %v, want b, as moved", e.Settled)
		}
		if waited := b.now.Sub(at(5000)); waited != grace+strayGrace {
			t.Errorf("told after %s", waited)
		}
		b.Answer(at(6000), sends[1].Attempt, &weirpb.Receipt{}, nil) // nobody waits for it
		b.SetLeader(at(7000), 1, 2, 2)
		names, _ := taken(b, at(7000), 2)
		expect(t, "sent to the next", names, "a")
		expect(t, "told in the end", told(b), "")
	}
}

// A session to a node that leads again, in a later term, is the one that answers.
func TestALeaderThatLeadsAgainIsNotLeft(t *testing.T) {
	b := led()
	add(t, b, item("a"))
	_, sends := taken(b, start, 1)
	b.SetLeader(at(1), 1, 2, 2)
	b.SetLeader(at(50), 1, 1, 3)
	b.Tick(at(10_000))
	expect(t, "told", told(b), "")
	b.Answer(at(10_000), sends[0].Attempt, &weirpb.Receipt{Offset: 1}, nil)
	expect(t, "told", told(b), "a:ok ")
}

func TestALostSession(t *testing.T) {
	b := led()
	add(t, b, known("a"), item("b"))
	_, _ = taken(b, start, 1)
	add(t, b, item("c"))
	b.Lost(at(1), 1, nil)
	expect(t, "told", told(b), "b:unavailable ")
	b.SetLeader(at(2), 1, 2, 1)
	names, _ := taken(b, at(2), 2)
	expect(t, "sent on the next", names, "ac")
}

// After an attempt whose outcome is not known, no sender may hear that a publication was refused for good: it would use
// its number again.
func TestRefusalsAfterAnOpenAttempt(t *testing.T) {
	for code, want := range map[fault.Code]string{
		fault.PayloadTooLarge: "a:unavailable ", fault.ProducerExpired: "a:unavailable ", fault.StateFull: "a:unavailable ",
		fault.SequenceGap: "a:unavailable ", fault.SequenceExpired: "a:sequence_expired ", fault.Busy: "", fault.NotLeader: "",
	} {
		b := led()
		add(t, b, known("a"))
		_, _ = taken(b, start, 1)
		b.Lost(start, 1, nil)
		b.SetLeader(start, 1, 2, 2)
		_, sends := taken(b, start, 2)
		b.Answer(start, sends[0].Attempt, nil, fault.New(code, "no"))
		expect(t, string(code), told(b), want)
	}
}

// A gap behind something that came back is no news for its sender.
func TestGapsOfItsOwnMaking(t *testing.T) {
	b := led()
	add(t, b, known("a"), known("b"))
	_, sends := taken(b, start, 1)
	b.Answer(start, sends[0].Attempt, nil, notLeader)
	b.Answer(start, sends[1].Attempt, nil, fault.New(fault.SequenceGap, "a is missing"))
	expect(t, "told", told(b), "")
	names, _ := taken(b, b.Next(), 1)
	expect(t, "sent again", names, "ab")
}

// A node that sends back what it is sent is not asked again and again without a pause, but at once when it leads anew.
func TestPauses(t *testing.T) {
	b := led()
	add(t, b, item("a"))
	now := start
	for round := range 5 {
		names, sends := taken(b, now, 1)
		expect(t, "sent", names, "a")
		b.Answer(now, sends[0].Attempt, nil, notLeader)
		if want := now.Add(firstPause << round); !b.Next().Equal(want) {
			t.Errorf("round %d is followed by a pause until %v, want %v", round, b.Next(), want)
		}
		names, _ = taken(b, now, 1)
		expect(t, "sent in the pause", names, "")
		now = b.Next()
	}
	_, sends := taken(b, now, 1)
	b.Answer(now, sends[0].Attempt, nil, notLeader)
	b.SetLeader(now, 1, 1, 2)
	names, _ := taken(b, now, 1)
	expect(t, "sent in the next term", names, "a")
}

func TestDeadlines(t *testing.T) {
	b := led()
	sent, late := item("sent"), item("late")
	late.Deadline = at(30_000)
	add(t, b, sent)
	_, _ = taken(b, start, 1)
	b.SetLeader(start, 1, 0, 0)
	add(t, b, late)
	b.Tick(at(19_999))
	expect(t, "told before", told(b), "")
	b.Tick(at(20_000))
	expect(t, "told after", told(b), "sent:timeout ")
	b.Tick(at(30_000))
	expect(t, "told in the end", told(b), "late:unavailable ")
}

// A shard with much to send leaves room for the others of the same node.
func TestLanesTakeTurns(t *testing.T) {
	b := New(Limits{Items: 1000, Bytes: 1 << 20, LaneItems: 1000, LaneBytes: 1 << 20})
	b.SetShards(start, 2)
	b.SetLeader(start, 1, 1, 1)
	b.SetLeader(start, 2, 1, 1)
	seen := map[*lane]int{}
	for i := range 200 {
		one := item("x")
		one.Channel = fmt.Sprint("c", i)
		add(t, b, one)
	}
	for range 6 {
		for _, s := range b.Take(start, 1, 100) {
			seen[b.laneOf(s.Item)]++
		}
	}
	if len(seen) != 2 {
		t.Errorf("only %d lane is served", len(seen))
	}
}

func TestBounds(t *testing.T) {
	b := New(limits())
	for range 10 {
		add(t, b, item("x"))
	}
	if f := b.Add(start, item("x")); f == nil || f.Code != fault.Busy || f.RetryAfter == 0 {
		t.Errorf("one more than a lane holds: %v", f)
	}
	big := item("x")
	big.Size = 1001
	if f := New(limits()).Add(start, big); f == nil || f.Code != fault.Busy {
		t.Errorf("one larger than a lane: %v", f)
	}
	b.Close(fault.New(fault.Unavailable, "closed"))
	if n := len(b.Flush().Settled); n != 10 || b.Len() != 0 {
		t.Errorf("%d are told at the end, and %d left", n, b.Len())
	}
}

// Adding, sending and settling a publication costs a fixed number of small allocations.
func TestAllocations(t *testing.T) {
	b := led()
	i := item("a")
	r := &weirpb.Receipt{}
	got := testing.AllocsPerRun(200, func() {
		b.Add(start, i)
		sends := b.Take(start, 1, 1000)
		b.Answer(start, sends[0].Attempt, r, nil)
		b.Flush()
	})
	if got > 8 {
		t.Errorf("%v allocations for a publication", got)
	}
}
