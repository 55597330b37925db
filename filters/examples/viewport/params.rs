use crate::{BOX_SIZE, NAMES_END};
use weir::json::{self, Text, Value};
use weir::{Input, Output, Refused};

/// The fields of params: the sides of the box, and where events have their place.
const FIELDS: [&[u8]; 6] = [b"west", b"south", b"east", b"north", b"lon", b"lat"];
const SIDES: usize = 4;
/// Longest name of a field, in bytes, dots included.
const NAME_LEN: usize = 256;

/// Turns {"west", "south", "east", "north", "lon"?, "lat"?} into the form that decide reads.
pub fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
    let mut found = [Value::Missing; FIELDS.len()];
    if !json::find(text, &FIELDS, &mut found) || text.first() != b'{' {
        return out.refuse("params must be a JSON object like {\"west\":5.8,\"south\":45.7,\"east\":10.6,\"north\":47.9}");
    }
    let mut sides = [0.0; SIDES];
    for (i, side) in sides.iter_mut().enumerate() {
        let limit = if i % 2 == 0 { 180.0 } else { 90.0 };
        *side = found[i].float();
        if !(-limit <= *side && *side <= limit) {
            let problem = match found[i] {
                Value::Missing => "is missing",
                Value::Number(_) if i % 2 == 0 => "must be between -180 and 180 degrees",
                Value::Number(_) => "must be between -90 and 90 degrees",
                _ => "must be a number of degrees",
            };
            return out.refuse_field(FIELDS[i], problem);
        }
    }
    let [west, south, east, north] = sides;
    if south >= north {
        return out.refuse("\"south\" must be less than \"north\"");
    }
    if west == east {
        return out.refuse("\"west\" and \"east\" must differ; all longitudes are -180 to 180");
    }
    // Places north of the pole there are none, so a box up to the pole includes it.
    sides[3] = if north == 90.0 { f64::INFINITY } else { north };
    for side in &sides {
        out.f64(*side);
    }
    if found[4].is_missing() && found[5].is_missing() {
        return Ok(());
    }
    name(FIELDS[4], &found[4], out)?;
    out.byte(NAMES_END);
    name(FIELDS[5], &found[5], out)?;
    if out.bytes().ends_with(b"lon\x01lat") && out.len() == BOX_SIZE + 7 {
        out.truncate(BOX_SIZE);
    }
    Ok(())
}

/// Writes the dotted name of a field as a path, `param` unless the value gives another one.
#[inline(never)]
fn name(param: &[u8], value: &Value, out: &mut Output) -> Result<(), Refused> {
    let text = match value {
        Value::Missing => Text::plain(param),
        Value::Text(text) if !text.raw.is_empty() && text.raw.len() <= NAME_LEN => *text,
        _ => return out.refuse_field(param, "must name a field, such as \"position.lon\""),
    };
    let mut empty = true;
    for c in text.bytes() {
        match c {
            b'.' if empty => break,
            b'.' => out.byte(json::SEPARATOR),
            0..=0x1f => return out.refuse_field(param, "contains a control character"),
            _ => out.byte(c),
        }
        empty = c == b'.';
    }
    if empty {
        return out.refuse_field(param, "has an empty name in it");
    }
    Ok(())
}
