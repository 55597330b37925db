// Package simulation runs whole regions in virtual time: clients that publish and subscribe, edges, and hub nodes whose
// machines, crashed and cut off by a seeded chance, must keep the promises that weir makes. It is all tests: see the section
// "Simulation" of hub/DESIGN.md for what is the real code in it and what a model.
package simulation
