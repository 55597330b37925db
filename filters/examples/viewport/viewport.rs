//! Lets an event through to the viewers whose map shows its place. README.md says how it is used.
#![no_std]

mod params;

use weir::json::{self, Value};
use weir::{Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Viewport;

weir::export!(Viewport);

/// What prepare makes of params: four f64, then the names of the fields, empty for the usual ones, else the path of the
/// longitude, a byte NAMES_END, and the path of the latitude.
pub const BOX_SIZE: usize = 32;
pub const NAMES_END: u8 = 1;

const USUAL: Names = Names { lon: b"lon", lat: b"lat" };

/// Different pairs of names whose places are remembered during one call. Groups beyond that cost a pass each.
const REMEMBERED: usize = 8;

impl Filter for Viewport {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        params::prepare(text, out)
    }

    fn decide(event: &Event, groups: Groups, verdicts: Verdicts) {
        let payload = event.payload();
        let mut places = Places { payload, known: [None; REMEMBERED], len: 0 };
        let usual = place(payload, USUAL);
        verdicts.decide(groups, |prepared| {
            let place = if prepared.len() == BOX_SIZE { usual } else { places.at(&prepared[BOX_SIZE..]) };
            covers(prepared, place)
        });
    }
}

/// Longitude and latitude in degrees. An event without a place has NaN, which is in no box.
#[derive(Clone, Copy)]
struct Place {
    lon: f64,
    lat: f64,
}

const NOWHERE: Place = Place { lon: f64::NAN, lat: f64::NAN };

#[derive(Clone, Copy)]
struct Names<'a> {
    lon: &'a [u8],
    lat: &'a [u8],
}

/// Whether a box has a place in it: west and south border included, east and north border not. Where west is greater
/// than east the box goes across the antimeridian.
#[inline(always)]
fn covers(prepared: &[u8], place: Place) -> bool {
    if prepared.len() < BOX_SIZE {
        return false;
    }
    // Most boxes are elsewhere: one comparison will do for half of them, and is easy to predict.
    // What lies last is read first, which makes the other reads safe to the compiler.
    let north = f64_at(prepared, 24);
    let south = f64_at(prepared, 8);
    if !((place.lat < north) & (place.lat >= south)) {
        return false;
    }
    let west = f64_at(prepared, 0);
    let east = f64_at(prepared, 16);
    let after_west = place.lon >= west;
    let before_east = place.lon < east;
    (after_west & before_east) | ((west > east) & (after_west | before_east))
}

#[inline(always)]
fn f64_at(bytes: &[u8], at: usize) -> f64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    f64::from_le_bytes(word)
}

/// Finds an event's place.
fn place(payload: Input, names: Names) -> Place {
    let mut found = [Value::Missing; 2];
    json::find(payload, &[names.lon, names.lat], &mut found);
    match (found[0].number(), found[1].number()) {
        (Some(lon), Some(lat)) if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) => {
            // 180 and -180 are the same meridian; boxes begin there, so it is written as -180.
            Place { lon: if lon == 180.0 { -180.0 } else { lon }, lat }
        }
        _ => NOWHERE,
    }
}

/// The places of one event by names of fields.
struct Places<'a> {
    payload: Input<'a>,
    known: [Option<(&'a [u8], Place)>; REMEMBERED],
    len: usize,
}

impl<'a> Places<'a> {
    #[inline(never)]
    fn at(&mut self, names: &[u8]) -> Place {
        for (name, place) in self.known.iter().flatten() {
            if *name == names {
                return *place;
            }
        }
        let end = names.iter().position(|&c| c == NAMES_END).unwrap_or(0);
        let place = place(self.payload, Names { lon: &names[..end], lat: names.get(end + 1..).unwrap_or(&[]) });
        if self.len < REMEMBERED {
            // SAFETY: prepared params live as long as the call, as the payload does.
            let names = unsafe { core::slice::from_raw_parts(names.as_ptr(), names.len()) };
            self.known[self.len] = Some((names, place));
            self.len += 1;
        }
        place
    }
}
