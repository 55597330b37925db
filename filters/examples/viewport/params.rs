use crate::{BOX_SIZE, NAMES_END};
use weir::json::{self, Text, Value};
use weir::{Input, Output, Refused};

const SIDES: [&[u8]; 4] = [b"west", b"south", b"east", b"north"];
const NAMES: [&[u8]; 2] = [b"lon", b"lat"];
/// Longest name of a field, in bytes, dots included.
const NAME_LEN: usize = 256;

/// Turns {"west", "south", "east", "north", "lon"?, "lat"?} into the form that decide reads.
pub fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
    let mut found = [Value::Missing; 6];
    let paths = [SIDES[0], SIDES[1], SIDES[2], SIDES[3], NAMES[0], NAMES[1]];
    if !json::find(text, &paths, &mut found) || text.iter().find(|c| !c.is_ascii_whitespace()) != Some(&b'{') {
        return out.refuse("params must be a JSON object like {\"west\":5.8,\"south\":45.7,\"east\":10.6,\"north\":47.9}");
    }
    let mut sides = [0.0; 4];
    for i in 0..4 {
        sides[i] = side(i, &found[i], out)?;
    }
    let [west, south, east, north] = sides;
    if south >= north {
        return out.refuse("\"south\" must be less than \"north\"");
    }
    if west == east {
        return out.refuse("\"west\" and \"east\" must differ; all longitudes are -180 to 180");
    }
    out.f64(west);
    out.f64(south);
    out.f64(east);
    // Places north of the pole there are none, so a box up to the pole includes it.
    out.f64(if north == 90.0 { f64::INFINITY } else { north });
    names(&found[4], &found[5], out)
}

fn side(i: usize, value: &Value, out: &mut Output) -> Result<f64, Refused> {
    let limit = if i % 2 == 0 { 180.0 } else { 90.0 };
    match value.number() {
        Some(v) if -limit <= v && v <= limit => return Ok(v),
        _ => {}
    }
    let problem = match value {
        Value::Missing => " is missing",
        Value::Number(_) if i % 2 == 0 => " must be between -180 and 180 degrees",
        Value::Number(_) => " must be between -90 and 90 degrees",
        _ => " must be a number of degrees",
    };
    let _ = out.refuse("\"");
    out.write(SIDES[i]);
    out.byte(b'"');
    out.write(problem.as_bytes());
    Err(Refused)
}

/// Writes the names of the fields, unless they are the usual ones.
fn names(lon: &Value, lat: &Value, out: &mut Output) -> Result<(), Refused> {
    if let (Value::Missing, Value::Missing) = (lon, lat) {
        return Ok(());
    }
    name(NAMES[0], lon, out)?;
    out.byte(NAMES_END);
    name(NAMES[1], lat, out)?;
    if &out.bytes()[BOX_SIZE..] == b"lon\x01lat" {
        out.truncate(BOX_SIZE);
    }
    Ok(())
}

/// Writes a dotted name as a path.
fn name(param: &[u8], value: &Value, out: &mut Output) -> Result<(), Refused> {
    let text = match value {
        Value::Missing => Text::plain(param),
        Value::Text(text) if !text.raw.is_empty() && text.raw.len() <= NAME_LEN => *text,
        _ => return refuse_name(param, " must name a field, such as \"position.lon\"", out),
    };
    let mut empty = true;
    for c in text.bytes() {
        match c {
            b'.' if empty => return refuse_name(param, " has an empty name in it", out),
            b'.' => out.byte(json::SEPARATOR),
            0..=0x1f => return refuse_name(param, " contains a control character", out),
            _ => out.byte(c),
        }
        empty = c == b'.';
    }
    if empty {
        return refuse_name(param, " has an empty name in it", out);
    }
    Ok(())
}

fn refuse_name(param: &[u8], problem: &str, out: &mut Output) -> Result<(), Refused> {
    let _ = out.refuse("\"");
    out.write(param);
    out.byte(b'"');
    out.write(problem.as_bytes());
    Err(Refused)
}
