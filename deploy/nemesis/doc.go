// Package nemesis holds a test that runs a region of real hub and edge processes, breaks it in every way that machines and
// networks break, and checks what its clients saw against what is promised: nothing acknowledged is lost, nothing stands
// twice, every channel has one order without gaps, and reads that ask for it are linearizable. The breakage is drawn from
// a seed, which the test prints; WEIR_SEED=N repeats it.
package nemesis
