package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// outlineScale turns degrees into the whole numbers of outlines.bin: hundredths, about 1 km, below what the map shows.
const outlineScale = 100

// The part of the world that the map can show, in degrees; land outside is left out.
const (
	mapWest, mapEast   = -180.0, -10.0
	mapSouth, mapNorth = -5.0, 84.0
)

// unitedStates is the ISO 3166-1 number of the country that has its own, finer outline.
const unitedStates = "840"

// buildOutlines returns the layers that the page draws, each a number of lines, each line a number of points, each point
// the difference to the one before in hundredths of a degree, longitude first, all as varints. The layers: the
// neighbours' land (rings), the United States' land (rings), the borders between the states (open lines).
func buildOutlines(usJSON, worldJSON []byte) ([]byte, error) {
	us, err := parseTopology(usJSON)
	if err != nil {
		return nil, err
	}
	world, err := parseTopology(worldJSON)
	if err != nil {
		return nil, err
	}
	neighbours, err := neighbourRings(world)
	if err != nil {
		return nil, err
	}
	homeland, err := homelandRings(us)
	if err != nil {
		return nil, err
	}
	states, err := us.shared(us.Objects["states"].Geometries)
	if err != nil {
		return nil, fmt.Errorf("pack: states: %w", err)
	}
	var out []byte
	for _, layer := range [][][]point{neighbours, homeland, states} {
		out = appendLayer(out, layer)
	}
	return out, nil
}

func neighbourRings(world *topology) ([][]point, error) {
	var kept [][]point
	for _, country := range world.Objects["countries"].Geometries {
		if strings.Trim(string(country.ID), `"`) == unitedStates {
			continue
		}
		rings, err := country.rings()
		if err != nil {
			return nil, fmt.Errorf("pack: countries: %w", err)
		}
		for _, ring := range rings {
			if line := world.trace(ring); onMap(line) {
				kept = append(kept, line)
			}
		}
	}
	return kept, nil
}

func homelandRings(us *topology) ([][]point, error) {
	rings, err := us.Objects["land"].rings()
	if err != nil {
		return nil, fmt.Errorf("pack: land: %w", err)
	}
	var kept [][]point
	for _, ring := range rings {
		if line := us.trace(ring); onMap(line) {
			kept = append(kept, line)
		}
	}
	return kept, nil
}

// onMap reports whether all of a ring is in the part of the world that the map shows.
func onMap(ring []point) bool {
	for _, p := range ring {
		if p[0] < mapWest || p[0] > mapEast || p[1] < mapSouth || p[1] > mapNorth {
			return false
		}
	}
	return true
}

func appendLayer(out []byte, lines [][]point) []byte {
	var packed [][][2]int
	for _, line := range lines {
		if p := quantise(line); len(p) > 1 {
			packed = append(packed, p)
		}
	}
	out = binary.AppendUvarint(out, uint64(len(packed)))
	for _, line := range packed {
		out = binary.AppendUvarint(out, uint64(len(line)))
		x, y := 0, 0
		for _, p := range line {
			out = binary.AppendVarint(out, int64(p[0]-x))
			out = binary.AppendVarint(out, int64(p[1]-y))
			x, y = p[0], p[1]
		}
	}
	return out
}

// quantise rounds a line's points and drops those that fall onto the one before.
func quantise(line []point) [][2]int {
	var out [][2]int
	for _, p := range line {
		q := [2]int{int(math.Round(p[0] * outlineScale)), int(math.Round(p[1] * outlineScale))}
		if len(out) == 0 || out[len(out)-1] != q {
			out = append(out, q)
		}
	}
	return out
}
