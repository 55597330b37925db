// Package table keeps the demo's flights and airports, and packs them into a few tens of kilobytes: columns of varints,
// so that equal things stand together, compressed by gzip (RFC 1952), whose checksum guards them.
package table

// An Airport is where flights begin and end.
type Airport struct {
	// Code is the airport's IATA code, three letters.
	Code string
	Name string
	City string
	// State is two letters.
	State string
	// Lon and Lat are degrees (WGS 84), kept to 4 decimals: 11 m.
	Lon, Lat float64
}

// A Flight is one row of the table.
type Flight struct {
	// Departure is the actual local time of departure, in minutes since 1 January 2001, 00:00.
	Departure int
	// Delay is by how many minutes the flight arrived late; negative: early.
	Delay int
	// Miles is the distance of the great circle, in statute miles, as the table has it.
	Miles int
	// Origin and Destination are indexes of Table.Airports.
	Origin, Destination int
}

// A Table is the demo's whole input. Flights are sorted by departure, airports by code.
type Table struct {
	Airports []Airport
	Flights  []Flight
}
