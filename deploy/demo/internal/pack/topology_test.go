package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two squares side by side: arc 0 is the border between them, arcs 1 and 2 are the rest of each.
const squares = `{"type":"Topology","transform":{"scale":[1,1],"translate":[-100,30]},
"objects":{"both":{"type":"GeometryCollection","geometries":[
  {"type":"Polygon","id":1,"arcs":[[0,1]]},
  {"type":"MultiPolygon","id":"2","arcs":[[[2,-1]]]}]}},
"arcs":[[[1,0],[0,1]],[[1,1],[-1,0],[0,-1],[1,0]],[[1,0],[1,0],[0,1],[-1,0]]]}`

func TestTraceJoinsArcs(t *testing.T) {
	topo, err := parseTopology([]byte(squares))
	if err != nil {
		t.Fatal(err)
	}
	rings, err := topo.Objects["both"].rings()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]point{
		{{-99, 30}, {-99, 31}, {-100, 31}, {-100, 30}, {-99, 30}},
		{{-99, 30}, {-98, 30}, {-98, 31}, {-99, 31}, {-99, 30}},
	}
	var got [][]point
	for _, ring := range rings {
		got = append(got, topo.trace(ring))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSharedArcsAreTheInnerBorders(t *testing.T) {
	topo, err := parseTopology([]byte(squares))
	if err != nil {
		t.Fatal(err)
	}
	got, err := topo.shared(topo.Objects["both"].Geometries)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]point{{{-99, 30}, {-99, 31}}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuantiseDropsWhatCannotBeTold(t *testing.T) {
	got := quantise([]point{{-99.001, 30}, {-99.002, 30.001}, {-98.5, 30.123}})
	if diff := cmp.Diff([][2]int{{-9900, 3000}, {-9850, 3012}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLayerIsDifferences(t *testing.T) {
	got := appendLayer(nil, [][]point{{{0.01, -0.02}, {0.03, -0.02}}, {{1, 1}}})
	// One line (the second has but one point), two points, zigzag differences.
	if diff := cmp.Diff([]byte{1, 2, 2, 3, 4, 0}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTableJoinsFlightsAndAirports(t *testing.T) {
	flights := `[{"date":"2001/01/02 00:10","delay":-3,"distance":90,"origin":"BBB","destination":"AAA"}]`
	airports := "iata,name,city,state,country,latitude,longitude\n" +
		"BBB,B Field,Beta,TX,USA,31.5,-97.25\nXXX,Unused,X,TX,USA,1,1\nAAA,A Field,Alpha,TX,USA,32,-98\n"
	got, err := buildTable([]byte(flights), []byte(airports))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Airports) != 2 || got.Airports[0].Code != "AAA" || got.Airports[1].Lon != -97.25 {
		t.Errorf("airports %+v", got.Airports)
	}
	if f := got.Flights[0]; f.Departure != 24*60+10 || f.Delay != -3 || f.Origin != 1 || f.Destination != 0 {
		t.Errorf("flight %+v", f)
	}
	if _, err := buildTable([]byte(`[{"date":"2001/01/02 00:10","origin":"BBB","destination":"QQQ"}]`), []byte(airports)); err == nil {
		t.Error("a flight to an airport that is not listed was taken")
	}
}
