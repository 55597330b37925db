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
// forbidden, the thread goes on like others.
func lowerThread() {
	const schedIdle = 5
	parameters := struct{ priority int32 }{}
	_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, schedIdle, uintptr(unsafe.Pointer(&parameters)))
}

// threadTime returns a time that goes on only while the calling thread runs, clock_gettime(2): how long a guest has waited for a
// processor is not its own time.
func threadTime() time.Time {
	const threadCPU = 3
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadCPU, uintptr(unsafe.Pointer(&t)), 0)
	return time.Unix(t.Unix())
}
