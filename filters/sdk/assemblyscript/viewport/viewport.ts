// Lets an event through to the viewers whose map shows its place: filters/examples/viewport, in AssemblyScript.

import {
  ANY_KEY, Bytes, Event, Groups, Kind, Value, Verdicts, filter, find, putF64, putKey, putText, putU8, refuse, routes, values,
} from "../weir";

export * from "../weir/abi";
export * from "../weir/routing";

// What prepare makes of params: west, south, east, north, then the names of the fields unless they are the usual ones, with
// a byte NAMES_END between them.
const BOX_SIZE: u32 = 32;
const NAMES_END: u8 = 1;
const NAME_SIZE: u32 = 256;

const names: StaticArray<string> = ["west", "south", "east", "north", "lon", "lat"];
const paramPaths: StaticArray<Bytes> = [
  Bytes.of("west"), Bytes.of("south"), Bytes.of("east"), Bytes.of("north"), Bytes.of("lon"), Bytes.of("lat"),
];
const params = values(6);

function prepare(text: Bytes): bool {
  if (!find(text, paramPaths, params) || !isObject(text)) {
    return refuse('params must be a JSON object like {"west":5.8,"south":45.7,"east":10.6,"north":47.9}');
  }
  for (let i = 0; i < 4; i++) if (!checkSide(i)) return false;
  const west = params[0].number;
  const south = params[1].number;
  const east = params[2].number;
  const north = params[3].number;
  if (south >= north) return refuse('"south" must be less than "north"');
  if (west == east) return refuse('"west" and "east" must differ; all longitudes are -180 to 180');
  putF64(west);
  putF64(south);
  putF64(east);
  putF64(north == 90 ? Infinity : north); // there are no places north of the pole, so a box up to the pole includes it
  if (params[4].kind == Kind.Missing && params[5].kind == Kind.Missing) return true;
  if (!putName(4)) return false;
  putU8(NAMES_END);
  return putName(5);
}

function isObject(text: Bytes): bool {
  let i: u32 = 0;
  while (i < text.length && (text[i] == 0x20 || (text[i] >= 0x09 && text[i] <= 0x0d))) i++;
  return i < text.length && text[i] == 0x7b;
}

function complain(param: i32, problem: string): bool {
  return refuse('"' + names[param] + '"' + problem);
}

function checkSide(i: i32): bool {
  const value = params[i];
  const limit: f64 = i % 2 ? 90 : 180;
  if (abs(value.number) <= limit) return true;
  if (value.kind == Kind.Missing) return complain(i, " is missing");
  if (value.kind != Kind.Number) return complain(i, " must be a number of degrees");
  return complain(i, i % 2 ? " must be between -90 and 90 degrees" : " must be between -180 and 180 degrees");
}

/** Puts the dotted name of a field. */
function putName(param: i32): bool {
  const value = params[param];
  if (value.kind == Kind.Missing) {
    putText(names[param]);
    return true;
  }
  if (value.kind != Kind.String || value.length == 0 || value.length > NAME_SIZE) {
    return complain(param, ' must name a field, such as "position.lon"');
  }
  const text = value.read();
  let empty = true;
  for (let c = text.next(); c >= 0; c = text.next()) {
    if (c == 0x2e && empty) return complain(param, " has an empty name in it");
    if (c < 0x20) return complain(param, " contains a control character");
    putU8(<u8>c);
    empty = c == 0x2e;
  }
  return empty ? complain(param, " has an empty name in it") : true;
}

const usual: StaticArray<Bytes> = [paramPaths[4], paramPaths[5]];
const special: StaticArray<Bytes> = [new Bytes(0, 0), new Bytes(0, 0)];
const found = values(2);
let lon: f64 = 0;
let lat: f64 = 0;

/** Sets lon and lat to an event's place. An event without one has NaN, which is in no box. */
function locate(payload: Bytes, paths: StaticArray<Bytes>): void {
  find(payload, paths, found);
  lon = found[0].number;
  lat = found[1].number;
  if (!(abs(lon) <= 180 && abs(lat) <= 90)) lon = lat = NaN;
  if (lon == 180) lon = -180; // the same meridian; boxes begin there
}

function locateBy(payload: Bytes, at: usize, size: u32): void {
  let end: u32 = 0;
  while (load<u8>(at + end) != NAMES_END) end++;
  special[0].at = at;
  special[0].length = end;
  special[1].at = at + end + 1;
  special[1].length = size - end - 1;
  locate(payload, special);
}

/** West and south border included, east and north border not. Where west is greater than east the box goes across the
 * antimeridian. */
// @ts-ignore: decorator
@inline
function covers(box: usize): bool {
  if (!(lat < load<f64>(box, 24) && lat >= load<f64>(box, 8))) return false;
  const west = load<f64>(box);
  const east = load<f64>(box, 16);
  return west > east ? lon >= west || lon < east : lon >= west && lon < east;
}

function decide(event: Event, groups: Groups, verdicts: Verdicts): void {
  const payload = event.payload;
  locate(payload, usual);
  const usualLon = lon;
  const usualLat = lat;
  for (let i: u32 = 0; i < groups.length; i++) {
    const box = groups.at(i);
    const size = groups.size(i);
    if (size > BOX_SIZE) locateBy(payload, box + BOX_SIZE, size - BOX_SIZE);
    else {
      lon = usualLon;
      lat = usualLat;
    }
    if (covers(box)) verdicts.allow(i);
  }
}

// The world as a grid, 2^level cells each way: filters/examples/viewport/README.md, "Viewport's keys".
const FINEST: u32 = 16;
const COARSEST: u32 = 2;
const MOST_CELLS: u32 = 32;

function cell(v: f64): u32 {
  v *= 65536;
  return v < 65535 ? <u32>v : 65535;
}

function column(lon: f64): u32 {
  return cell((lon + 180) / 360);
}

function row(lat: f64): u32 {
  return cell((lat + 90) / 180);
}

function putCell(level: u32, x: u32, y: u32): void {
  putKey((<u64>(level + 1) << 32) | (x << 16) | y);
}

function keys(event: Event): void {
  locate(event.payload, usual);
  if (isNaN(lon)) return;
  const x = column(lon);
  const y = row(lat);
  putCell(0, 0, 0);
  for (let level = COARSEST; level <= FINEST; level++) putCell(level, x >> (FINEST - level), y >> (FINEST - level));
}

// The cells of a level that a box covers, as cover finds them. The whole world has 2^32 of the finest.
let firstColumn: u32 = 0;
let columns: u32 = 0;
let firstRow: u32 = 0;
let rows: u32 = 0;
let count: u64 = 0;

function cover(box: usize, level: u32): void {
  const shift = FINEST - level;
  const all: u32 = 1 << level;
  const west = load<f64>(box);
  const east = load<f64>(box, 16);
  firstColumn = column(west) >> shift;
  firstRow = row(load<f64>(box, 8)) >> shift;
  columns = (column(east) >> shift) - firstColumn + 1;
  if (west > east) columns += all; // on from the last column to 0
  columns = min(columns, all);
  rows = (row(load<f64>(box, 24)) >> shift) - firstRow + 1;
  count = <u64>columns * rows;
}

function interest(prepared: Bytes): void {
  if (prepared.length > BOX_SIZE) {
    putKey(ANY_KEY); // what an event has in other fields is not among its keys
    return;
  }
  let level = FINEST;
  cover(prepared.at, level);
  while (count > MOST_CELLS) cover(prepared.at, --level);
  if (level == COARSEST && count == 1 << (2 * COARSEST)) {
    putCell(0, 0, 0);
    return;
  }
  for (let y = firstRow; y < firstRow + rows; y++) {
    for (let x = firstColumn; x < firstColumn + columns; x++) putCell(level, x & ((1 << level) - 1), y);
  }
}

// Last, as they need all that stands above.
filter(prepare, decide);
routes(keys, interest);
