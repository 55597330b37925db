//go:build wasip1

// Command NAME lets through the events whose field "delay" is at least what the subscriber asks for: {"min":60}.
package main

import (
	"encoding/binary"
	"errors"
	"math"

	"weir/filters/sdk/go"
)

func init() { weir.Serve(weir.Filter{Prepare: prepare, Decide: decide}) }

func main() {}

// prepare checks a subscriber's params, once. What it returns, decide finds in the subscriber's group.
func prepare(params []byte) ([]byte, error) {
	var found [1]weir.Value
	weir.Find(params, found[:], "min")
	minimum, ok := found[0].Float()
	if !ok {
		return nil, errors.New(`params must be like {"min":60}`)
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(minimum)), nil
}

// decide decides about one event for all groups of subscribers.
func decide(event weir.Event, groups weir.Groups, verdicts weir.Verdicts) {
	var found [1]weir.Value
	weir.Find(event.Payload(), found[:], "delay")
	delay, ok := found[0].Float()
	if !ok {
		return // nobody gets an event without a delay
	}
	for i := range groups.Len() {
		if delay >= math.Float64frombits(binary.LittleEndian.Uint64(groups.At(i))) {
			verdicts.Allow(i)
		}
	}
}
