// Package fuel shares an edge's processors between tenants: it says whose filters run next, how much fuel each tenant may use
// in a second, and counts what each has used.
package fuel
