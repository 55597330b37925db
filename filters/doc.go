// Package filters runs the WebAssembly modules that decide which events reach whom. It is the only user of wazero.
//
// An Engine validates a module (Inspect) and makes it ready to run (Open). The resulting Filter checks a subscriber's
// params once (Prepare) and then answers for one event and many groups in a single call (Match). Guests are hostile
// until proven otherwise: their time, call depth, memory and output are bounded, and every answer is checked before it
// is believed. ABI.md is for people who write filters, DESIGN.md says how all this works.
package filters
