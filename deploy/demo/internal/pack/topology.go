package main

import (
	"encoding/json"
	"fmt"
	"math"
)

// A topology is what is read of a TopoJSON file (TopoJSON specification, section 2): lines ("arcs") that shapes share.
type topology struct {
	Transform struct {
		Scale     [2]float64 `json:"scale"`
		Translate [2]float64 `json:"translate"`
	} `json:"transform"`
	Objects map[string]shape `json:"objects"`
	Arcs    [][][2]int       `json:"arcs"`

	// lines are the arcs in degrees.
	lines [][]point
}

// A shape is a geometry, or a collection of them.
type shape struct {
	Type       string          `json:"type"`
	ID         json.RawMessage `json:"id"`
	Arcs       json.RawMessage `json:"arcs"`
	Geometries []shape         `json:"geometries"`
}

// A point is a longitude and a latitude in degrees.
type point [2]float64

func parseTopology(b []byte) (*topology, error) {
	var t topology
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("pack: topology: %w", err)
	}
	t.lines = make([][]point, len(t.Arcs))
	for i, arc := range t.Arcs {
		x, y := 0, 0 // positions are differences to the one before
		for _, p := range arc {
			x, y = x+p[0], y+p[1]
			t.lines[i] = append(t.lines[i], point{
				float64(x)*t.Transform.Scale[0] + t.Transform.Translate[0],
				float64(y)*t.Transform.Scale[1] + t.Transform.Translate[1],
			})
		}
	}
	return &t, nil
}

// rings returns the rings of a shape as lists of arc numbers; ^n is arc n backwards.
func (s shape) rings() ([][]int, error) {
	switch s.Type {
	case "Polygon":
		var rings [][]int
		err := json.Unmarshal(s.Arcs, &rings)
		return rings, err
	case "MultiPolygon":
		var polygons [][][]int
		err := json.Unmarshal(s.Arcs, &polygons)
		var rings [][]int
		for _, p := range polygons {
			rings = append(rings, p...)
		}
		return rings, err
	case "GeometryCollection":
		var rings [][]int
		for _, g := range s.Geometries {
			more, err := g.rings()
			if err != nil {
				return nil, err
			}
			rings = append(rings, more...)
		}
		return rings, nil
	}
	return nil, nil
}

// trace joins arcs to one line of points.
func (t *topology) trace(ring []int) []point {
	var line []point
	for _, n := range ring {
		arc := t.lines[max(n, ^n)]
		for i := range arc {
			p := arc[i]
			if n < 0 {
				p = arc[len(arc)-1-i]
			}
			if i == 0 && len(line) > 0 {
				continue // where arcs meet, both have the point
			}
			line = append(line, p)
		}
	}
	return line
}

// shared returns the arcs that two or more of the shapes have in common: the inner borders.
func (t *topology) shared(shapes []shape) ([][]point, error) {
	uses := map[int]int{}
	for _, s := range shapes {
		rings, err := s.rings()
		if err != nil {
			return nil, err
		}
		for _, ring := range rings {
			for _, n := range ring {
				uses[max(n, ^n)]++
			}
		}
	}
	var lines [][]point
	for n := range t.lines {
		if uses[n] > 1 {
			lines = append(lines, t.lines[n])
		}
	}
	return lines, nil
}

// round keeps 4 decimals: 11 m.
func round(degrees float64) float64 { return math.Round(degrees*1e4) / 1e4 }
