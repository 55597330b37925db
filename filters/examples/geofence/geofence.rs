//! Lets an event through to those whose polygon its place is in. README.md says how it is used.
#![no_std]

mod params;

use weir::json::{self, Value};
use weir::{Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Geofence;

weir::export!(Geofence);

/// What prepare makes of params: west, south, east and north of the polygon as f64, how many vertices it has as u64, those
/// as pairs of f64, and the names of the fields: the path of the longitude, a byte NAMES_END, and the path of the latitude.
/// Longitudes go on beyond 180 where the polygon goes across the antimeridian.
pub const HEAD: usize = 40;
pub const VERTEX: usize = 16;
pub const NAMES_END: u8 = 1;

impl Filter for Geofence {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        params::prepare(text, out)
    }

    fn decide(event: &Event, groups: Groups, mut verdicts: Verdicts) {
        // Groups mostly ask for the same fields: those before are remembered.
        let mut last: &[u8] = &[];
        let mut place = NOWHERE;
        for i in 0..groups.len() {
            let prepared = groups.get(i);
            let (polygon, names) = prepared.split_at(HEAD + VERTEX * f64_bits(prepared, 32) as usize);
            if names != last {
                place = find(event.payload(), names);
                last = names;
            }
            // The polygon's longitudes are up to a turn away.
            if [0.0, 360.0, -360.0].iter().any(|turn| covers(polygon, place.0 + turn, place.1)) {
                verdicts.allow(i);
            }
        }
    }
}

/// Longitude and latitude of an event without a place, which is in no polygon.
const NOWHERE: (f64, f64) = (f64::NAN, f64::NAN);

fn find(payload: Input, names: &[u8]) -> (f64, f64) {
    let end = names.iter().position(|&c| c == NAMES_END).unwrap_or(0);
    let mut found = [Value::Missing; 2];
    json::find(payload, &[&names[..end], &names[end + 1..]], &mut found);
    match (found[0].number(), found[1].number()) {
        (Some(lon), Some(lat)) if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) => (lon, lat),
        _ => NOWHERE,
    }
}

/// Whether a ray to the east crosses the polygon's border an odd number of times. Where the border goes through the place
/// exactly, it belongs to one of the two sides, so that polygons side by side share no place.
fn covers(polygon: &[u8], lon: f64, lat: f64) -> bool {
    if !(lon >= f64_at(polygon, 0) && lat >= f64_at(polygon, 8) && lon <= f64_at(polygon, 16) && lat <= f64_at(polygon, 24)) {
        return false;
    }
    let vertices = &polygon[HEAD..];
    let mut inside = false;
    let mut a = vertices.len() - VERTEX;
    for b in (0..vertices.len()).step_by(VERTEX) {
        let (a_lon, a_lat) = (f64_at(vertices, a), f64_at(vertices, a + 8));
        let (b_lon, b_lat) = (f64_at(vertices, b), f64_at(vertices, b + 8));
        if (a_lat > lat) != (b_lat > lat) {
            inside ^= lon < (b_lon - a_lon) * ((lat - a_lat) / (b_lat - a_lat)) + a_lon;
        }
        a = b;
    }
    inside
}

pub fn f64_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_bits(f64_bits(bytes, at))
}

fn f64_bits(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
