//! Lets an event through to those whose polygon its place is in. README.md says how it is used.
#![no_std]

mod params;

use weir::json::{self, Value};
use weir::{grid, Event, Filter, Groups, Input, Keys, Output, Prepared, Refused, Route, Verdicts};

struct Geofence;

weir::export!(Geofence);
weir::export_route!(Geofence);

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
            let vertices = VERTEX * prepared.u64(32) as usize;
            let names = prepared.from(HEAD + vertices);
            if names != last {
                place = find(event.payload(), names);
                last = names;
            }
            if covers(prepared, vertices, place.0, place.1) {
                verdicts.allow(i);
            }
        }
    }
}

/// The names of the fields that most events have their place in.
const USUAL: &[u8] = b"lon\x01lat";

/// Degrees by which a polygon is wider for its routing keys: more than turning around the earth may be rounded by.
const MARGIN: f64 = 1e-9;

impl Route for Geofence {
    fn keys(event: &Event, keys: &mut Keys) {
        let (lon, lat) = find(event.payload(), USUAL);
        if !lon.is_nan() {
            grid::place(lon, lat, keys);
        }
    }

    fn interest(prepared: Prepared, keys: &mut Keys) {
        if prepared.from(HEAD + VERTEX * prepared.u64(32) as usize) != USUAL {
            return keys.add_all(); // what an event has in other fields is not among its keys
        }
        let (west, east) = (prepared.f64(0) - MARGIN, prepared.f64(16) + MARGIN);
        let (south, north) = (prepared.f64(8), prepared.f64(24));
        if east - west < 359.0 {
            grid::area(turned(west), south, turned(east), north, keys);
        } else {
            grid::area(-180.0, south, 180.0, north, keys);
        }
    }
}

/// The same longitude, from -180 to 180.
fn turned(mut lon: f64) -> f64 {
    while lon > 180.0 {
        lon -= 360.0;
    }
    while lon < -180.0 {
        lon += 360.0;
    }
    lon
}

/// Longitude and latitude of an event without a place, which is in no polygon.
const NOWHERE: (f64, f64) = (f64::NAN, f64::NAN);

fn find(payload: Input, names: &[u8]) -> (f64, f64) {
    let mut paths = names.split(|&c| c == NAMES_END);
    let mut path = || paths.next().unwrap_or(&[]);
    let mut found = [Value::Missing; 2];
    json::find(payload, &[path(), path()], &mut found);
    let (lon, lat) = (found[0].float(), found[1].float());
    if -180.0 <= lon && lon <= 180.0 && -90.0 <= lat && lat <= 90.0 {
        (lon, lat)
    } else {
        NOWHERE
    }
}

/// Whether a polygon has a place in it.
#[inline(always)]
fn covers(prepared: Prepared, vertices: usize, lon: f64, lat: f64) -> bool {
    // Most polygons are elsewhere.
    if !((lat >= prepared.f64(8)) & (lat <= prepared.f64(24))) {
        return false;
    }
    // The polygon's longitudes are up to a turn away.
    let (west, east) = (prepared.f64(0), prepared.f64(16));
    let there = |lon: f64| lon >= west && lon <= east && surrounds(prepared, vertices, lon, lat);
    there(lon) || there(lon + 360.0) || there(lon - 360.0)
}

/// Whether a ray to the east crosses the polygon's border an odd number of times. Where the border goes through the place
/// exactly, it belongs to one of the two sides, so that polygons side by side share no place.
#[inline(never)]
fn surrounds(prepared: Prepared, vertices: usize, lon: f64, lat: f64) -> bool {
    let mut inside = false;
    let end = HEAD + vertices;
    let (mut a_lon, mut a_lat) = (prepared.f64(end - VERTEX), prepared.f64(end - VERTEX + 8));
    let mut at = HEAD;
    while at < end {
        let (b_lon, b_lat) = (prepared.f64(at), prepared.f64(at + 8));
        if (a_lat > lat) != (b_lat > lat) {
            inside ^= lon < (b_lon - a_lon) * ((lat - a_lat) / (b_lat - a_lat)) + a_lon;
        }
        a_lon = b_lon;
        a_lat = b_lat;
        at += VERTEX;
    }
    inside
}
