//! Lets an event through to the viewers whose map shows its place. README.md says how it is used.
#![no_std]

mod params;

use weir::json::{self, Value};
use weir::{grid, Event, Filter, Groups, Input, Keys, Output, Prepared, Refused, Route, Verdicts};

struct Viewport;

weir::export!(Viewport);
weir::export_route!(Viewport);

/// What prepare makes of params: four f64, then the names of the fields, empty for the usual ones, else the path of the
/// longitude, a byte NAMES_END, and the path of the latitude.
pub const BOX_SIZE: usize = 32;
pub const NAMES_END: u8 = 1;

const USUAL: [&[u8]; 2] = [b"lon", b"lat"];

/// Different pairs of names whose places are remembered during one call. Groups beyond that cost a pass each.
const REMEMBERED: usize = 8;

impl Filter for Viewport {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        params::prepare(text, out)
    }

    fn decide(event: &Event, groups: Groups, verdicts: Verdicts) {
        let payload = event.payload();
        let mut places = Places { payload, known: [(&[], NOWHERE); REMEMBERED], len: 0 };
        let usual = place(payload, &USUAL);
        verdicts.decide(groups, |prepared| {
            if prepared.len() == BOX_SIZE {
                return covers(prepared, usual);
            }
            places.cover(prepared)
        });
    }
}

impl Route for Viewport {
    fn keys(event: &Event, keys: &mut Keys) {
        let place = place(event.payload(), &USUAL);
        if !place.lon.is_nan() {
            grid::place(place.lon, place.lat, keys);
        }
    }

    fn interest(prepared: Prepared, keys: &mut Keys) {
        if prepared.len() == BOX_SIZE {
            grid::area(prepared.f64(0), prepared.f64(8), prepared.f64(16), prepared.f64(24), keys);
        } else {
            keys.add_all(); // what an event has in other fields is not among its keys
        }
    }
}

/// Longitude and latitude in degrees. An event without a place has NaN, which is in no box.
#[derive(Clone, Copy)]
struct Place {
    lon: f64,
    lat: f64,
}

const NOWHERE: Place = Place { lon: f64::NAN, lat: f64::NAN };

/// Whether a box has a place in it: west and south border included, east and north border not. Where west is greater
/// than east the box goes across the antimeridian.
#[inline(always)]
fn covers(prepared: Prepared, place: Place) -> bool {
    // Most boxes are elsewhere: one comparison will do for half of them, and is easy to predict.
    // What lies last is read first, which makes the other reads safe to the compiler.
    let north = prepared.f64(24);
    let south = prepared.f64(8);
    if !((place.lat < north) & (place.lat >= south)) {
        return false;
    }
    let west = prepared.f64(0);
    let east = prepared.f64(16);
    let after_west = place.lon >= west;
    let before_east = place.lon < east;
    (after_west & before_east) | ((west > east) & (after_west | before_east))
}

/// Finds an event's place by the names of its fields.
#[inline(never)]
fn place(payload: Input, names: &[&[u8]; 2]) -> Place {
    let mut found = [Value::Missing; 2];
    json::find(payload, names, &mut found);
    let (mut lon, lat) = (found[0].float(), found[1].float());
    if !(-180.0 <= lon && lon <= 180.0 && -90.0 <= lat && lat <= 90.0) {
        return NOWHERE;
    }
    if lon == 180.0 {
        lon = -180.0; // the same meridian, and boxes begin there
    }
    Place { lon, lat }
}

/// The places of one event by names of fields.
struct Places<'a> {
    payload: Input<'a>,
    known: [(&'a [u8], Place); REMEMBERED],
    len: usize,
}

impl<'a> Places<'a> {
    #[inline(never)]
    fn cover(&mut self, prepared: Prepared<'a>) -> bool {
        covers(prepared, self.at(prepared.from(BOX_SIZE)))
    }

    fn at(&mut self, names: &'a [u8]) -> Place {
        for (i, (name, place)) in self.known.iter().enumerate() {
            if i < self.len && *name == names {
                return *place;
            }
        }
        let end = names.iter().position(|&c| c == NAMES_END).unwrap_or(0);
        let lat = names.get(end + 1..).unwrap_or(&[]);
        let place = place(self.payload, &[&names[..end], lat]);
        if let Some(free) = self.known.get_mut(self.len) {
            *free = (names, place);
            self.len += 1;
        }
        place
    }
}
