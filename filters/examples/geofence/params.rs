use crate::NAMES_END;
use weir::json::{self, Text, Value};
use weir::{params, Input, Output, Refused};

/// Most vertices of a polygon.
const VERTICES: usize = 500;
/// Vertices that one pass over the params looks for: each has two numbers.
const PASS: usize = json::PATHS / 2;

const USAGE: &str = "params must be like {\"polygon\":[[5,45],[10,45],[8,48]]}, with longitude and latitude of each vertex";

/// Turns {"polygon", "lon"?, "lat"?} into the form that decide reads.
pub fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
    let mut polygon = [(0.0, 0.0); VERTICES];
    let mut count = 0;
    while count < VERTICES {
        let found = read(text, count, &mut polygon);
        count += found;
        if found < PASS {
            break;
        }
    }
    // What ended the vertices is their end, or something else than a vertex.
    if !matches!(find(text, &[count], &mut [0; 16]), Value::Missing) {
        return out.refuse(if count == VERTICES { "the polygon has more than 500 vertices" } else { USAGE });
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
    let mut found = [Value::Missing; 2];
    json::find(text, &[b"lon", b"lat"], &mut found);
    name(b"lon", found[0], out)?;
    out.byte(NAMES_END);
    name(b"lat", found[1], out)
}

/// Finds a part of the polygon: by indices of the vertex and of the number in it.
fn find<'a>(text: Input<'a>, indices: &[usize], buffer: &mut [u8; 16]) -> Value<'a> {
    let len = path(indices, buffer);
    let mut found = [Value::Missing];
    json::find(text, &[&buffer[..len]], &mut found);
    found[0]
}

fn path(indices: &[usize], buffer: &mut [u8; 16]) -> usize {
    let root = b"polygon";
    buffer[..root.len()].copy_from_slice(root);
    let mut at = root.len();
    for &index in indices {
        buffer[at] = json::SEPARATOR;
        at += 1;
        for unit in [100, 10, 1] {
            if index >= unit || unit == 1 {
                buffer[at] = b'0' + (index / unit % 10) as u8;
                at += 1;
            }
        }
    }
    at
}

/// Reads up to PASS vertices from `first` on, and returns how many there are.
fn read(text: Input, first: usize, polygon: &mut [(f64, f64)]) -> usize {
    let mut buffers = [[0; 16]; json::PATHS];
    let mut paths: [&[u8]; json::PATHS] = [&[]; json::PATHS];
    for (i, (buffer, slice)) in buffers.iter_mut().zip(paths.iter_mut()).enumerate() {
        let len = path(&[first + i / 2, i % 2], buffer);
        *slice = &buffer[..len];
    }
    let mut found = [Value::Missing; json::PATHS];
    json::find(text, &paths, &mut found);
    let mut count = 0;
    while count < PASS && first + count < polygon.len() {
        match (found[2 * count].number(), found[2 * count + 1].number()) {
            (Some(lon), Some(lat)) => polygon[first + count] = (lon, lat),
            _ => break,
        }
        count += 1;
    }
    count
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
