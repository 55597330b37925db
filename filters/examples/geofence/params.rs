use crate::NAMES_END;
use weir::json::{self, Text, Value};
use weir::{params, Input, Output, Refused};

/// Most vertices of a polygon.
const VERTICES: usize = 500;
const USAGE: &str = "params must be like {\"polygon\":[[5,45],[10,45],[8,48]]}, with longitude and latitude of each vertex";

/// Turns {"polygon", "lon"?, "lat"?} into the form that decide reads.
pub fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
    let mut found = [Value::Missing; 3];
    json::find(text, &[b"polygon", b"lon", b"lat"], &mut found);
    let mut polygon = [(0.0, 0.0); VERTICES];
    let mut count = 0;
    if let Value::Nested(ring) = found[0] {
        let mut vertices = [Value::Missing; VERTICES + 1];
        json::items(ring, &mut vertices);
        if !vertices[VERTICES].is_missing() {
            return out.refuse("the polygon has more than 500 vertices");
        }
        for (vertex, place) in vertices.iter().zip(&mut polygon) {
            if vertex.is_missing() {
                break;
            }
            *place = position(*vertex);
            if place.0.is_nan() || place.1.is_nan() {
                return out.refuse(USAGE);
            }
            count += 1;
        }
    }
    if count > 1 && polygon[0] == polygon[count - 1] {
        count -= 1; // GeoJSON repeats the first one
    }
    if count == 0 {
        return out.refuse(USAGE);
    }
    if count < 3 {
        return out.refuse("the polygon needs three vertices at least");
    }
    let polygon = &mut polygon[..count];
    if polygon.iter().any(|(lon, lat)| !(-180.0..=180.0).contains(lon) || !(-90.0..=90.0).contains(lat)) {
        return out.refuse("longitudes must be between -180 and 180 degrees, latitudes between -90 and 90");
    }
    if !unroll(polygon) {
        return out.refuse("the polygon goes around a pole, or along half of a parallel in one step");
    }
    write(polygon, out);
    name(b"lon", found[1], out)?;
    out.byte(NAMES_END);
    name(b"lat", found[2], out)
}

/// Longitude and latitude of a vertex; not numbers where it has none.
fn position(vertex: Value) -> (f64, f64) {
    let mut found = [Value::Missing; 2];
    if let Value::Nested(vertex) = vertex {
        json::items(vertex, &mut found);
    }
    (found[0].float(), found[1].float())
}

/// Has longitudes go on beyond 180 instead of beginning anew, each edge going the shorter way around. False: that does not
/// come to an end where it began.
fn unroll(polygon: &mut [(f64, f64)]) -> bool {
    for i in 1..polygon.len() {
        polygon[i].0 += turn(polygon[i - 1].0, polygon[i].0);
    }
    turn(polygon[polygon.len() - 1].0, polygon[0].0) == 0.0
}

/// How many degrees to add to a longitude so that it is less than half a turn from the one before.
fn turn(before: f64, lon: f64) -> f64 {
    let mut turn = 0.0;
    while lon + turn - before > 180.0 {
        turn -= 360.0;
    }
    while lon + turn - before < -180.0 {
        turn += 360.0;
    }
    turn
}

fn write(polygon: &[(f64, f64)], out: &mut Output) {
    let (mut west, mut south, mut east, mut north) = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    for &(lon, lat) in polygon {
        west = if lon < west { lon } else { west };
        east = if lon > east { lon } else { east };
        south = if lat < south { lat } else { south };
        north = if lat > north { lat } else { north };
    }
    for v in [west, south, east, north] {
        out.f64(v);
    }
    out.u64(polygon.len() as u64);
    for &(lon, lat) in polygon {
        out.f64(lon);
        out.f64(lat);
    }
}

/// Writes the path of a field, which has a usual name.
fn name(usual: &[u8], value: Value, out: &mut Output) -> Result<(), Refused> {
    let text = match value {
        Value::Missing => Text::plain(usual),
        Value::Text(text) => text,
        _ => Text::plain(b""),
    };
    if params::path(text, out) {
        return Ok(());
    }
    out.refuse("\"lon\" and \"lat\" must name fields, such as \"position.lon\"")
}
