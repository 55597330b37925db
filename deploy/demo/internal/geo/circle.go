// Package geo does what little spherical geometry the demo needs: a sphere is within 0.6 % of the Earth, which is less
// than a plane's detour.
package geo

import "math"

// A Point is a place in degrees: Lon from -180 to 180, Lat from -90 to 90.
type Point struct{ Lon, Lat float64 }

// MilesPerRadian is the Earth's mean radius in statute miles.
const MilesPerRadian = 3958.76

// A GreatCircle is the shortest way between two places. It is immutable.
type GreatCircle struct {
	from, to vector
	// angle is the way's length in radians, sin its sine.
	angle, sin float64
}

// vector is a place on the unit sphere.
type vector struct{ x, y, z float64 }

func vectorOf(p Point) vector {
	sinLat, cosLat := math.Sincos(p.Lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(p.Lon * math.Pi / 180)
	return vector{x: cosLat * cosLon, y: cosLat * sinLon, z: sinLat}
}

// Between returns the great circle from one place to another. Places on opposite sides of the Earth have no single one.
func Between(from, to Point) GreatCircle {
	a, b := vectorOf(from), vectorOf(to)
	cross := vector{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
	sin := math.Sqrt(cross.x*cross.x + cross.y*cross.y + cross.z*cross.z)
	// The arc tangent is exact for short ways too, where the arc cosine is not.
	angle := math.Atan2(sin, a.x*b.x+a.y*b.y+a.z*b.z)
	return GreatCircle{from: a, to: b, angle: angle, sin: sin}
}

// Miles returns the length in statute miles.
func (c *GreatCircle) Miles() float64 { return c.angle * MilesPerRadian }

// At returns the place at a fraction of the way, from 0 to 1.
func (c *GreatCircle) At(fraction float64) Point {
	if c.sin == 0 {
		return pointOf(c.from)
	}
	p := math.Sin((1-fraction)*c.angle) / c.sin
	q := math.Sin(fraction*c.angle) / c.sin
	return pointOf(vector{p*c.from.x + q*c.to.x, p*c.from.y + q*c.to.y, p*c.from.z + q*c.to.z})
}

func pointOf(v vector) Point {
	return Point{
		Lon: math.Atan2(v.y, v.x) * 180 / math.Pi,
		Lat: math.Atan2(v.z, math.Hypot(v.x, v.y)) * 180 / math.Pi,
	}
}

// headingStep is the part of the way over which Heading is measured, about 100 m on a short flight.
const headingStep = 1e-3

// Heading returns the course at a fraction of the way, in degrees from 0 to below 360: 0 is north, 90 east.
func (c *GreatCircle) Heading(fraction float64) float64 {
	fraction = min(fraction, 1-headingStep)
	return bearing(c.At(fraction), c.At(fraction+headingStep))
}

// bearing returns the initial course from p to q.
func bearing(p, q Point) float64 {
	sinP, cosP := math.Sincos(p.Lat * math.Pi / 180)
	sinQ, cosQ := math.Sincos(q.Lat * math.Pi / 180)
	sinD, cosD := math.Sincos((q.Lon - p.Lon) * math.Pi / 180)
	degrees := math.Atan2(sinD*cosQ, cosP*sinQ-sinP*cosQ*cosD) * 180 / math.Pi
	return math.Mod(degrees+360, 360)
}
