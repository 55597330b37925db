package table

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of what Decode takes: several times the real table, and far below what a crafted one could ask for.
const (
	maxPlain    = 8 << 20 // bytes
	maxAirports = 1 << 10
	maxFlights  = 1 << 18
	maxMinutes  = 1 << 20 // two years
	maxMiles    = 1 << 14
	maxDelay    = 1 << 14 // minutes
)

// ErrMalformed is wrapped by all errors of Decode.
var ErrMalformed = errors.New("malformed table")

// Decode unpacks what Encode has packed. Every index in the answer is in range.
func Decode(packed []byte) (Table, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Table{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxPlain+1))
	if err != nil {
		return Table{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(plain) > maxPlain {
		return Table{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxPlain)
	}
	rest, ok := bytes.CutPrefix(plain, []byte(magic))
	if !ok {
		return Table{}, fmt.Errorf("%w: it does not begin with %q", ErrMalformed, magic)
	}
	d := decoder{rest: rest}
	t := Table{Airports: d.airports()}
	t.Flights = d.flights(len(t.Airports))
	if d.err != nil {
		return Table{}, d.err
	}
	if len(d.rest) > 0 {
		return Table{}, fmt.Errorf("%w: %d bytes left over", ErrMalformed, len(d.rest))
	}
	return t, nil
}

// A decoder reads on until its first error; what it returns after that is zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// count reads an unsigned number of at most limit.
func (d *decoder) count(what string, limit int) int {
	if d.err != nil {
		return 0
	}
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > uint64(limit) {
		d.fail("%s is missing or above %d", what, limit)
		return 0
	}
	d.rest = d.rest[size:]
	return int(n)
}

// signed reads a number between -limit and limit.
func (d *decoder) signed(what string, limit int) int {
	if d.err != nil {
		return 0
	}
	n, size := binary.Varint(d.rest)
	if size <= 0 || n > int64(limit) || n < -int64(limit) {
		d.fail("%s is missing or beyond %d", what, limit)
		return 0
	}
	d.rest = d.rest[size:]
	return int(n)
}

func (d *decoder) text() string {
	n := d.count("the length of a text", 200)
	if n > len(d.rest) {
		d.fail("a text is cut off")
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) airports() []Airport {
	airports := make([]Airport, d.count("the number of airports", maxAirports))
	for i := range airports {
		a := &airports[i]
		a.Code, a.Name, a.City, a.State = d.text(), d.text(), d.text(), d.text()
		a.Lon = float64(d.signed("a longitude", 180*degreeScale)) / degreeScale
		a.Lat = float64(d.signed("a latitude", 90*degreeScale)) / degreeScale
	}
	return airports
}

func (d *decoder) flights(airports int) []Flight {
	flights := make([]Flight, d.count("the number of flights", maxFlights))
	last := 0
	for i := range flights {
		last += d.count("a departure", maxMinutes)
		flights[i].Departure = last
	}
	if last > maxMinutes {
		d.fail("a departure is beyond minute %d", maxMinutes)
	}
	for i := range flights {
		flights[i].Delay = d.signed("a delay", maxDelay)
	}
	for i := range flights {
		flights[i].Origin = d.count("an origin", airports-1)
	}
	for i := range flights {
		flights[i].Destination = d.count("a destination", airports-1)
	}
	for i := range flights {
		flights[i].Miles = d.count("a distance", maxMiles)
	}
	return flights
}
