package demo

import (
	"fmt"
	"math"
	"strconv"
	"time"

	_ "embed"

	"weir/deploy/demo/internal/geo"
	"weir/deploy/demo/internal/table"
)

//go:embed data/table.gz
var packedTable []byte

// How long a flight takes, from its distance: climb and approach, then cruise.
const (
	climbAndApproach = 20 * time.Minute
	cruise           = time.Minute / 8 // per statute mile: 480 miles an hour
)

// A flight is one row of the table, ready to fly. It is immutable.
type flight struct {
	// key names it: "ORD-LAX-00412" is row 412 of the table, from ORD to LAX.
	key string
	// departure is when it takes off, in virtual time, below loop.
	departure time.Duration
	// duration is how long it is in the air, in virtual time.
	duration time.Duration
	circle   geo.GreatCircle
	// constants is the end of the payload, which is the same all the way.
	constants string
}

// loadFlights unpacks the table.
func loadFlights() ([]flight, error) {
	t, err := table.Decode(packedTable)
	if err != nil {
		return nil, err
	}
	flights := make([]flight, len(t.Flights))
	for i := range flights {
		flights[i] = newFlight(i, t)
	}
	return flights, nil
}

func newFlight(row int, t table.Table) flight {
	f := t.Flights[row]
	from, to := t.Airports[f.Origin], t.Airports[f.Destination]
	return flight{
		key:       fmt.Sprintf("%s-%s-%05d", from.Code, to.Code, row),
		departure: time.Duration(f.Departure) * time.Minute % loop,
		duration:  climbAndApproach + time.Duration(f.Miles)*cruise,
		circle:    geo.Between(geo.Point{Lon: from.Lon, Lat: from.Lat}, geo.Point{Lon: to.Lon, Lat: to.Lat}),
		constants: fmt.Sprintf(`"origin":%q,"destination":%q,"delay":%d,"distance":%d}`, from.Code, to.Code, f.Delay, f.Miles),
	}
}

// progress returns which part of its way the flight has flown at a virtual time, from 0 to below 1, and whether it is in
// the air at all.
func (f *flight) progress(now time.Duration) (fraction float64, airborne bool) {
	elapsed := now - f.departure
	if elapsed < 0 {
		elapsed += loop // took off before the loop's end
	}
	return float64(elapsed) / float64(f.duration), elapsed < f.duration
}

// appendPayload appends the JSON of the flight at a part of its way: lon and lat in degrees to 4 decimals (11 m),
// heading in degrees (0 is north), progress from 0 to 1, origin and destination as IATA codes, delay in minutes
// (negative: early), distance in statute miles.
func (f *flight) appendPayload(b []byte, progress float64) []byte {
	at := f.circle.At(progress)
	b = append(b, `{"lon":`...)
	b = strconv.AppendFloat(b, round(at.Lon, 1e4), 'f', -1, 64)
	b = append(b, `,"lat":`...)
	b = strconv.AppendFloat(b, round(at.Lat, 1e4), 'f', -1, 64)
	b = append(b, `,"heading":`...)
	b = strconv.AppendInt(b, int64(math.Round(f.circle.Heading(progress)))%360, 10)
	b = append(b, `,"progress":`...)
	b = strconv.AppendFloat(b, round(progress, 1e3), 'f', -1, 64)
	b = append(b, ',')
	return append(b, f.constants...)
}

// round keeps what scale says: 1e4 for 4 decimals.
func round(x, scale float64) float64 { return math.Round(x*scale) / scale }
