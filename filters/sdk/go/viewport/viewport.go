//go:build wasip1

// Command viewport lets an event through to the viewers whose map shows its place: filters/examples/viewport, in Go.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"weir/filters/sdk/go"
	_ "weir/filters/sdk/go/routing"
)

func init() {
	weir.Serve(weir.Filter{Prepare: prepare, Decide: decide, Keys: keys, Interest: interest})
}

func main() {}

const (
	// boxSize is the length of what prepare makes of params: west, south, east and north as float64. The names of the
	// fields follow unless they are the usual ones, with a byte namesEnd between them.
	boxSize  = 32
	namesEnd = 1
	nameSize = 256
)

var params = []string{"west", "south", "east", "north", "lon", "lat"}

func prepare(text []byte) ([]byte, error) {
	var found [6]weir.Value
	if !weir.Find(text, found[:], params...) || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil, errors.New(`params must be a JSON object like {"west":5.8,"south":45.7,"east":10.6,"north":47.9}`)
	}
	var sides [4]float64
	for i := range sides {
		var err error
		if sides[i], err = side(i, found[i]); err != nil {
			return nil, err
		}
	}
	if sides[1] >= sides[3] {
		return nil, errors.New(`"south" must be less than "north"`)
	}
	if sides[0] == sides[2] {
		return nil, errors.New(`"west" and "east" must differ; all longitudes are -180 to 180`)
	}
	if sides[3] == 90 {
		sides[3] = math.Inf(1) // there are no places north of the pole, so a box up to the pole includes it
	}
	var box []byte
	for _, v := range sides {
		box = binary.LittleEndian.AppendUint64(box, math.Float64bits(v))
	}
	if found[4].Kind == weir.Missing && found[5].Kind == weir.Missing {
		return box, nil
	}
	lon, err := name(4, found[4])
	if err != nil {
		return nil, err
	}
	lat, err := name(5, found[5])
	return append(append(append(box, lon...), namesEnd), lat...), err
}

func side(i int, value weir.Value) (float64, error) {
	limit := 180.0
	if i%2 == 1 {
		limit = 90
	}
	v, ok := value.Float()
	switch {
	case ok && math.Abs(v) <= limit:
		return v, nil
	case value.Kind == weir.Missing:
		return 0, fmt.Errorf("%q is missing", params[i])
	case value.Kind != weir.Number:
		return 0, fmt.Errorf("%q must be a number of degrees", params[i])
	}
	return 0, fmt.Errorf("%q must be between %v and %v degrees", params[i], -limit, limit)
}

// name returns the dotted name of a field.
func name(param int, value weir.Value) ([]byte, error) {
	if value.Kind == weir.Missing {
		return []byte(params[param]), nil
	}
	if value.Kind != weir.String || len(value.Text) == 0 || len(value.Text) > nameSize {
		return nil, fmt.Errorf(`%q must name a field, such as "position.lon"`, params[param])
	}
	text := value.Unescape()
	empty := true
	for _, c := range text {
		if c == '.' && empty {
			return nil, fmt.Errorf("%q has an empty name in it", params[param])
		}
		if c < ' ' {
			return nil, fmt.Errorf("%q contains a control character", params[param])
		}
		empty = c == '.'
	}
	if empty {
		return nil, fmt.Errorf("%q has an empty name in it", params[param])
	}
	return text, nil
}

// A place is a longitude and a latitude in degrees. An event without one has NaN, which is in no box.
type place struct{ lon, lat float64 }

func find(payload []byte, lon, lat string) place {
	var found [2]weir.Value
	weir.Find(payload, found[:], lon, lat)
	x, ok := found[0].Float()
	y, ok2 := found[1].Float()
	if !ok || !ok2 || math.Abs(x) > 180 || math.Abs(y) > 90 {
		return place{math.NaN(), math.NaN()}
	}
	if x == 180 {
		x = -180 // the same meridian; boxes begin there
	}
	return place{x, y}
}

func decide(event weir.Event, groups weir.Groups, verdicts weir.Verdicts) {
	usual := find(event.Payload(), params[4], params[5])
	for i := range groups.Len() {
		box, p := groups.At(i), usual
		if len(box) > boxSize {
			lon, lat, _ := bytes.Cut(box[boxSize:], []byte{namesEnd})
			p = find(event.Payload(), string(lon), string(lat))
		}
		if covers(box, p) {
			verdicts.Allow(i)
		}
	}
}

// covers includes the west and south border, not the east and north border. Where west is greater than east the box goes
// across the antimeridian.
func covers(box []byte, p place) bool {
	side := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(box[at:])) }
	if p.lat < side(8) || !(p.lat < side(24)) {
		return false
	}
	west, east := side(0), side(16)
	if west > east {
		return p.lon >= west || p.lon < east
	}
	return p.lon >= west && p.lon < east
}

// The world as a grid, 2^level cells each way: filters/examples/viewport/README.md, "Viewport's keys".
const (
	finest    = 16
	coarsest  = 2
	mostCells = 32
)

func cell(v float64) uint64 {
	if v *= 65536; v < 65535 {
		return uint64(v)
	}
	return 65535
}

func column(lon float64) uint64 { return cell((lon + 180) / 360) }
func row(lat float64) uint64    { return cell((lat + 90) / 180) }

func key(level int, x, y uint64) uint64 { return uint64(level+1)<<32 | x<<16 | y }

func keys(event weir.Event) []uint64 {
	p := find(event.Payload(), params[4], params[5])
	if math.IsNaN(p.lon) {
		return nil
	}
	x, y := column(p.lon), row(p.lat)
	all := append(make([]uint64, 0, finest), key(0, 0, 0))
	for level := coarsest; level <= finest; level++ {
		all = append(all, key(level, x>>(finest-level), y>>(finest-level)))
	}
	return all
}

// cells are those of a level that a box covers.
type cells struct{ x, columns, y, rows uint64 }

func cellsOf(box []byte, level int) cells {
	side := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(box[at:])) }
	shift, all := finest-level, uint64(1)<<level
	x, y := column(side(0))>>shift, row(side(8))>>shift
	columns := column(side(16))>>shift - x + 1
	if side(0) > side(16) {
		columns += all // on from the last column to 0
	}
	return cells{x: x, columns: min(columns, all), y: y, rows: row(side(24))>>shift - y + 1}
}

func interest(box []byte) []uint64 {
	if len(box) > boxSize {
		return []uint64{weir.AnyKey} // what an event has in other fields is not among its keys
	}
	level := finest
	c := cellsOf(box, level)
	for c.columns*c.rows > mostCells {
		level--
		c = cellsOf(box, level)
	}
	if level == coarsest && c.columns*c.rows == 1<<(2*coarsest) {
		return []uint64{key(0, 0, 0)}
	}
	var all []uint64
	for y := c.y; y < c.y+c.rows; y++ {
		for x := c.x; x < c.x+c.columns; x++ {
			all = append(all, key(level, x&(1<<level-1), y))
		}
	}
	return all
}
