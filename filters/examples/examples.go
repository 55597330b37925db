// Package examples holds filters that are ready to be used and to be read: modules, and beside them the Rust sources
// that they are built from (go run ./filters/internal/build).
package examples

import _ "embed"

// An Example is one ready-made filter.
type Example struct {
	// Name is what it is uploaded as, unless somebody wants another name.
	Name string
	// Summary is one sentence about it.
	Summary string
	// Params is an example of the params that it takes.
	Params string
	// Documentation is its README.md.
	Documentation string
	// Module is the WebAssembly module. It must not be changed.
	Module []byte
}

//go:embed viewport/viewport.wasm
var viewportModule []byte

//go:embed viewport/README.md
var viewportReadme string

//go:embed expr/expr.wasm
var exprModule []byte

//go:embed expr/README.md
var exprReadme string

//go:embed threshold/threshold.wasm
var thresholdModule []byte

//go:embed threshold/README.md
var thresholdReadme string

//go:embed sample/sample.wasm
var sampleModule []byte

//go:embed sample/README.md
var sampleReadme string

//go:embed tags/tags.wasm
var tagsModule []byte

//go:embed tags/README.md
var tagsReadme string

//go:embed redact/redact.wasm
var redactModule []byte

//go:embed redact/README.md
var redactReadme string

//go:embed geofence/geofence.wasm
var geofenceModule []byte

//go:embed geofence/README.md
var geofenceReadme string

// All returns the examples, in alphabetical order.
func All() []Example {
	return []Example{Expr(), Geofence(), Redact(), Sample(), Tags(), Threshold(), Viewport()}
}

// Expr is the filter that evaluates an expression over an event's fields.
func Expr() Example {
	return Example{
		Name: "expr", Summary: "Lets through events of which an expression is true.",
		Params: `{"expr":"delay > 60 and origin == \"ORD\""}`, Documentation: exprReadme, Module: exprModule,
	}
}

// Geofence is the filter that compares places with a polygon.
func Geofence() Example {
	return Example{
		Name: "geofence", Summary: "Lets through events that lie within a polygon.",
		Params: `{"polygon":[[5,45],[10,45],[8,48]]}`, Documentation: geofenceReadme, Module: geofenceModule,
	}
}

// Redact is the filter that leaves fields out of what is shown.
func Redact() Example {
	return Example{
		Name: "redact", Summary: "Shows events without some of their fields.",
		Params: `{"remove":["email","card.number"]}`, Documentation: redactReadme, Module: redactModule,
	}
}

// Sample is the filter that lets a share of all events through.
func Sample() Example {
	return Example{
		Name: "sample", Summary: "Lets through a share of all keys, always the same ones.",
		Params: `{"share":0.1}`, Documentation: sampleReadme, Module: sampleModule,
	}
}

// Tags is the filter that compares a field or header with a set.
func Tags() Example {
	return Example{
		Name: "tags", Summary: "Lets through events that have one of the wanted tags, in a field or a header.",
		Params: `{"field":"topic","in":["news","sports"]}`, Documentation: tagsReadme, Module: tagsModule,
	}
}

// Threshold is the filter that compares a number with bounds.
func Threshold() Example {
	return Example{
		Name: "threshold", Summary: "Lets through events of which a number is within bounds.",
		Params: `{"field":"delay","min":60}`, Documentation: thresholdReadme, Module: thresholdModule,
	}
}

// Viewport is the filter that lets through what a map shows.
func Viewport() Example {
	return Example{
		Name: "viewport", Summary: "Lets through events that lie within a box of longitudes and latitudes.",
		Params: `{"west":5.8,"south":45.7,"east":10.6,"north":47.9}`, Documentation: viewportReadme, Module: viewportModule,
	}
}
