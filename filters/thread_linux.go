package filters

import (
	"syscall"
	"time"
	"unsafe"
)

// lowThreads says whether the system has threads that run only when no others want to.
const lowThreads = true

// lowerThread makes the calling thread one that gives its processor up at once to any other of the same control group, and gets
// what those leave: SCHED_IDLE, sched(7). That needs no privilege, and can't be undone without one. Where even that is
// forbidden, the thread goes on like others. It wakes up on time, prctl(2): by default a thread may sleep for 50 µs longer.
func lowerThread() {
	const schedIdle = 5
	parameters := struct{ priority int32 }{}
	_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, schedIdle, uintptr(unsafe.Pointer(&parameters)))
	const setTimerSlack, ns = 29, 1
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, ns, 0)
}

// threadTime returns a time that goes on only while the calling thread runs, clock_gettime(2): how long a guest has waited for a
// processor is not its own time.
func threadTime() time.Time {
	const threadCPU = 3
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadCPU, uintptr(unsafe.Pointer(&t)), 0)
	return time.Unix(t.Unix())
}

// restThread has the calling thread leave its processor for a time, or for less, if a signal comes. Go is told, unlike of a guest's
// slice: so its collector waits for none that rests.
func restThread(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil)
}
