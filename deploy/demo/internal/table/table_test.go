package table

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var small = Table{
	Airports: []Airport{
		{Code: "HNL", Name: "Honolulu International", City: "Honolulu", State: "HI", Lon: -157.9224, Lat: 21.3187},
		{Code: "ORD", Name: "Chicago O'Hare", City: "Chicago", State: "IL", Lon: -87.9045, Lat: 41.9795},
	},
	Flights: []Flight{
		{Departure: 47, Delay: 66, Miles: 4243, Origin: 0, Destination: 1},
		{Departure: 47, Delay: -5, Miles: 4243, Origin: 1, Destination: 0},
		{Departure: 129507, Delay: 0, Miles: 4243, Origin: 0, Destination: 1},
	},
}

func TestRoundTrip(t *testing.T) {
	packed, err := Encode(small)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(packed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(small, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefusesIndexesOutOfRange(t *testing.T) {
	bad := Table{Airports: small.Airports, Flights: []Flight{{Origin: 2}}}
	packed, err := Encode(bad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(packed); !errors.Is(err, ErrMalformed) {
		t.Errorf("Decode returned %v, want %v", err, ErrMalformed)
	}
}

func FuzzDecode(f *testing.F) {
	packed, err := Encode(small)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(packed[:len(packed)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v does not wrap ErrMalformed", err)
			}
			return
		}
		for _, flight := range got.Flights {
			if flight.Origin >= len(got.Airports) || flight.Destination >= len(got.Airports) {
				t.Errorf("index out of range: %+v", flight)
			}
		}
	})
}
