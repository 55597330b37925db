package table

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
)

// magic names the format and its version.
const magic = "weir demo table 1\n"

// degreeScale turns degrees into the whole numbers that are packed.
const degreeScale = 1e4

// Encode packs t.
func Encode(t Table) ([]byte, error) {
	plain := []byte(magic)
	plain = appendAirports(plain, t.Airports)
	plain = appendFlights(plain, t.Flights)

	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("table: compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("table: compress: %w", err)
	}
	return packed.Bytes(), nil
}

func appendAirports(b []byte, airports []Airport) []byte {
	b = binary.AppendUvarint(b, uint64(len(airports)))
	for _, a := range airports {
		for _, s := range []string{a.Code, a.Name, a.City, a.State} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
		b = binary.AppendVarint(b, int64(math.Round(a.Lon*degreeScale)))
		b = binary.AppendVarint(b, int64(math.Round(a.Lat*degreeScale)))
	}
	return b
}

// appendFlights writes one column after the other; departures as differences, since they only ever grow.
func appendFlights(b []byte, flights []Flight) []byte {
	b = binary.AppendUvarint(b, uint64(len(flights)))
	last := 0
	for _, f := range flights {
		b = binary.AppendUvarint(b, uint64(f.Departure-last))
		last = f.Departure
	}
	for _, f := range flights {
		b = binary.AppendVarint(b, int64(f.Delay))
	}
	for _, f := range flights {
		b = binary.AppendUvarint(b, uint64(f.Origin))
	}
	for _, f := range flights {
		b = binary.AppendUvarint(b, uint64(f.Destination))
	}
	for _, f := range flights {
		b = binary.AppendUvarint(b, uint64(f.Miles))
	}
	return b
}
