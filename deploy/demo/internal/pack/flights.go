package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"weir/deploy/demo/internal/table"
)

// row is one flight as the source has it.
type row struct {
	Date        string `json:"date"`
	Delay       int    `json:"delay"`
	Distance    int    `json:"distance"`
	Origin      string `json:"origin"`
	Destination string `json:"destination"`
}

// dateLayout is the source's; the times are local, which is of no consequence here.
const dateLayout = "2006/01/02 15:04"

// tableBegin is minute 0 of the packed table.
var tableBegin = time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)

// buildTable joins the flights with the airports that they use.
func buildTable(flightsJSON, airportsCSV []byte) (table.Table, error) {
	var rows []row
	if err := json.Unmarshal(flightsJSON, &rows); err != nil {
		return table.Table{}, fmt.Errorf("pack: flights: %w", err)
	}
	used := map[string]bool{}
	for _, r := range rows {
		used[r.Origin], used[r.Destination] = true, true
	}
	airports, err := readAirports(airportsCSV, used)
	if err != nil {
		return table.Table{}, err
	}
	index := make(map[string]int, len(airports))
	for i, a := range airports {
		index[a.Code] = i
	}
	t := table.Table{Airports: airports, Flights: make([]table.Flight, 0, len(rows))}
	for i, r := range rows {
		f, err := r.flight(index)
		if err != nil {
			return table.Table{}, fmt.Errorf("pack: flight %d: %w", i, err)
		}
		t.Flights = append(t.Flights, f)
	}
	slices.SortStableFunc(t.Flights, func(a, b table.Flight) int { return cmp.Compare(a.Departure, b.Departure) })
	return t, nil
}

func (r row) flight(index map[string]int) (table.Flight, error) {
	date, err := time.Parse(dateLayout, r.Date)
	if err != nil {
		return table.Flight{}, err
	}
	origin, known := index[r.Origin]
	destination, alsoKnown := index[r.Destination]
	if !known || !alsoKnown || r.Origin == r.Destination {
		return table.Flight{}, fmt.Errorf("no way from %q to %q", r.Origin, r.Destination)
	}
	return table.Flight{
		Departure: int(date.Sub(tableBegin) / time.Minute),
		Delay:     r.Delay, Miles: r.Distance, Origin: origin, Destination: destination,
	}, nil
}

// readAirports returns the used airports by code.
func readAirports(airportsCSV []byte, used map[string]bool) ([]table.Airport, error) {
	records, err := csv.NewReader(bytes.NewReader(airportsCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("pack: airports: %w", err)
	}
	var airports []table.Airport
	for _, r := range records[1:] {
		if len(r) != 7 || !used[r[0]] {
			continue
		}
		lat, latErr := strconv.ParseFloat(r[5], 64)
		lon, lonErr := strconv.ParseFloat(r[6], 64)
		if err := cmp.Or(latErr, lonErr); err != nil {
			return nil, fmt.Errorf("pack: airport %s: %w", r[0], err)
		}
		airports = append(airports, table.Airport{Code: r[0], Name: r[1], City: r[2], State: r[3], Lon: lon, Lat: lat})
	}
	slices.SortFunc(airports, func(a, b table.Airport) int { return cmp.Compare(a.Code, b.Code) })
	return airports, nil
}

// encodeTable packs t and makes sure that it can be unpacked.
func encodeTable(t table.Table) ([]byte, error) {
	packed, err := table.Encode(t)
	if err != nil {
		return nil, err
	}
	if _, err := table.Decode(packed); err != nil {
		return nil, err
	}
	return packed, nil
}

// airportsJSON is the airports as the page reads them: [code, city, state, lon, lat, flights] each, the busiest first, so
// that the page labels those where there is no room for all.
func airportsJSON(t table.Table) ([]byte, error) {
	flights := make([]int, len(t.Airports))
	for _, f := range t.Flights {
		flights[f.Origin]++
		flights[f.Destination]++
	}
	rows := make([][6]any, len(t.Airports))
	for i, a := range t.Airports {
		rows[i] = [6]any{a.Code, a.City, a.State, round(a.Lon), round(a.Lat), flights[i]}
	}
	slices.SortStableFunc(rows, func(a, b [6]any) int { return cmp.Compare(b[5].(int), a[5].(int)) })
	b, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("pack: airports: %w", err)
	}
	return append(b, '\n'), nil
}
