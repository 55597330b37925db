//! Routing keys for places: the world in cells, at several levels. An event is in a cell of each level; an area takes the
//! finest level at which few cells cover it. filters/examples/viewport/README.md has it in detail.

use crate::Keys;

/// The finest level: 2^FINEST columns, and as many rows.
const FINEST: u32 = 16;
/// The level at which 16 cells are the world. Areas don't use the one before, which saves events a key.
const COARSEST: u32 = 2;
/// Most cells that cover an area.
const CELLS: u32 = 32;

/// A place's column or row at the finest level, where degrees go from -half to half.
#[inline(never)]
fn cell(degrees: f64, half: f64) -> u32 {
    // Too large a number becomes the largest u32.
    (((degrees + half) / (half * 2.0) * (1 << FINEST) as f64) as u32).min((1 << FINEST) - 1)
}

fn key(level: u32, column: u32, row: u32) -> u64 {
    (level as u64 + 1) << 32 | (column << FINEST | row) as u64
}

/// Adds the keys of a place, in degrees: longitude from -180 to 180, latitude from -90 to 90.
pub fn place(lon: f64, lat: f64, keys: &mut Keys) {
    let (column, row) = (cell(lon, 180.0), cell(lat, 90.0));
    keys.add(key(0, 0, 0));
    for level in COARSEST..=FINEST {
        let shift = FINEST - level;
        keys.add(key(level, column >> shift, row >> shift));
    }
}

/// Adds the keys of an area, in degrees. Where west is greater than east it goes across the antimeridian. The north may be
/// infinite.
pub fn area(west: f64, south: f64, east: f64, north: f64, keys: &mut Keys) {
    let (left, right) = (cell(west, 180.0), cell(east, 180.0));
    let (bottom, top) = (cell(south, 90.0), cell(north, 90.0));
    let mut level = FINEST;
    loop {
        let shift = FINEST - level;
        let side = 1 << level;
        let (left, bottom) = (left >> shift, bottom >> shift);
        let mut columns = ((right >> shift) + 1).wrapping_sub(left);
        if west > east {
            // Once around, to the last column and on from 0, though no column twice.
            columns = columns.wrapping_add(side).min(side);
        }
        let rows = (top >> shift) + 1 - bottom;
        if level == COARSEST && columns * rows == side * side {
            return keys.add(key(0, 0, 0));
        }
        // Neither is more than 2^16, whose square is no u32 any more.
        if columns.max(rows) <= CELLS && columns * rows <= CELLS {
            for y in 0..rows {
                for x in 0..columns {
                    keys.add(key(level, (left + x) & (side - 1), bottom + y));
                }
            }
            return;
        }
        level -= 1;
    }
}
