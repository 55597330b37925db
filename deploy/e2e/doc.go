// Package e2e tests weir whole: the real binary in its own process, real sockets, real kills and a real Chromium.
package e2e
