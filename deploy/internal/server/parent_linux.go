package server

import "syscall"

// dieWithParent has the kernel kill the process when this one ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
