/* Lets an event through to the viewers whose map shows its place: filters/examples/viewport, in C. */
#include "../weir.h"

/* What prepare makes of params: west, south, east, north, then the names of the fields unless they are the usual ones. */
typedef struct {
    double west, south, east, north;
    uint8_t names[]; /* of the longitude, NAMES_END, of the latitude */
} box;

#define BOX_SIZE 32
#define NAMES_END 1
#define NAME_SIZE 256

static const weir_bytes params_paths[6] = {
    {(const uint8_t *)"west", 4},  {(const uint8_t *)"south", 5}, {(const uint8_t *)"east", 4},
    {(const uint8_t *)"north", 5}, {(const uint8_t *)"lon", 3},   {(const uint8_t *)"lat", 3},
};

static bool refuse(uint32_t param, const char *problem) {
    weir_refuse("\"");
    weir_put(params_paths[param]);
    weir_put_u8('"');
    for (; *problem; problem++)
        weir_put_u8((uint8_t)*problem);
    return false;
}

static bool side(uint32_t i, const weir_value *value, double *v) {
    double limit = i % 2 ? 90 : 180;
    if (weir_number(value, v) && -limit <= *v && *v <= limit)
        return true;
    if (value->kind == WEIR_MISSING)
        return refuse(i, " is missing");
    if (value->kind != WEIR_NUMBER)
        return refuse(i, " must be a number of degrees");
    return refuse(i, i % 2 ? " must be between -90 and 90 degrees" : " must be between -180 and 180 degrees");
}

/* Writes the dotted name of a field. */
static bool name(uint32_t param, const weir_value *value) {
    if (value->kind == WEIR_MISSING) {
        weir_put(params_paths[param]);
        return true;
    }
    if (value->kind != WEIR_STRING || value->text.size == 0 || value->text.size > NAME_SIZE)
        return refuse(param, " must name a field, such as \"position.lon\"");
    weir_reader reader = {0, {0}, 0};
    bool empty = true;
    for (int c; (c = weir_string_next(value, &reader)) >= 0;) {
        if (c == '.' && empty)
            return refuse(param, " has an empty name in it");
        if (c < 0x20)
            return refuse(param, " contains a control character");
        weir_put_u8((uint8_t)c);
        empty = c == '.';
    }
    return empty ? refuse(param, " has an empty name in it") : true;
}

static bool is_object(weir_bytes text) {
    uint32_t i = 0;
    while (i < text.size && (text.at[i] == ' ' || (text.at[i] >= '\t' && text.at[i] <= '\r')))
        i++;
    return i < text.size && text.at[i] == '{';
}

bool weir_filter_prepare(weir_bytes params) {
    weir_value found[6];
    if (!weir_json_find(params, params_paths, 6, found) || !is_object(params))
        return weir_refuse("params must be a JSON object like {\"west\":5.8,\"south\":45.7,\"east\":10.6,\"north\":47.9}");
    double sides[4];
    for (uint32_t i = 0; i < 4; i++)
        if (!side(i, &found[i], &sides[i]))
            return false;
    if (sides[1] >= sides[3])
        return weir_refuse("\"south\" must be less than \"north\"");
    if (sides[0] == sides[2])
        return weir_refuse("\"west\" and \"east\" must differ; all longitudes are -180 to 180");
    if (sides[3] == 90)
        sides[3] = __builtin_inf(); /* there are no places north of the pole, so a box up to the pole includes it */
    for (uint32_t i = 0; i < 4; i++)
        weir_put_f64(sides[i]);
    if (found[4].kind == WEIR_MISSING && found[5].kind == WEIR_MISSING)
        return true;
    if (!name(4, &found[4]))
        return false;
    weir_put_u8(NAMES_END);
    return name(5, &found[5]);
}

typedef struct {
    double lon, lat;
} place;

static place find(weir_bytes payload, weir_bytes lon, weir_bytes lat) {
    weir_value found[2];
    weir_bytes paths[2] = {lon, lat};
    place p;
    weir_json_find(payload, paths, 2, found);
    if (!weir_number(&found[0], &p.lon) || !weir_number(&found[1], &p.lat) ||
        !(-180 <= p.lon && p.lon <= 180 && -90 <= p.lat && p.lat <= 90))
        return (place){__builtin_nan(""), __builtin_nan("")};
    if (p.lon == 180)
        p.lon = -180; /* the same meridian; boxes begin there */
    return p;
}

static place find_named(weir_bytes payload, weir_bytes names) {
    uint32_t end = 0;
    while (end < names.size && names.at[end] != NAMES_END)
        end++;
    return find(payload, (weir_bytes){names.at, end}, (weir_bytes){names.at + end + 1, names.size - end - 1});
}

/* West and south border included, east and north border not. Where west is greater than east the box goes across the
 * antimeridian. */
static inline bool covers(const box *b, place p) {
    bool after_west = p.lon >= b->west, before_east = p.lon < b->east;
    return (p.lat >= b->south) & (p.lat < b->north) &
           ((after_west & before_east) | ((b->west > b->east) & (after_west | before_east)));
}

void weir_filter_decide(const weir_event *event, const weir_groups *groups, weir_verdicts *verdicts) {
    weir_bytes payload = weir_payload(event);
    place usual = find(payload, params_paths[4], params_paths[5]);
    for (uint32_t i = 0; i < groups->count; i++) {
        weir_bytes group = weir_group(groups, i);
        const box *b = (const box *)group.at;
        place p = usual;
        if (group.size > BOX_SIZE)
            p = find_named(payload, (weir_bytes){b->names, group.size - BOX_SIZE});
        if (covers(b, p))
            weir_allow(verdicts, i);
    }
}

/* The world as a grid, 2^level cells each way: filters/examples/viewport/README.md, "Viewport's keys". */
#define FINEST 16
#define COARSEST 2
#define MOST_CELLS 32

static uint32_t cell(double v) {
    v *= 65536;
    return v < 65535 ? (uint32_t)v : 65535;
}

static uint32_t column(double lon) { return cell((lon + 180) / 360); }
static uint32_t row(double lat) { return cell((lat + 90) / 180); }

static void put_key(uint32_t level, uint32_t x, uint32_t y) { weir_put_key((uint64_t)(level + 1) << 32 | x << 16 | y); }

void weir_filter_keys(const weir_event *event) {
    place p = find(weir_payload(event), params_paths[4], params_paths[5]);
    if (__builtin_isnan(p.lon))
        return;
    uint32_t x = column(p.lon), y = row(p.lat);
    put_key(0, 0, 0);
    for (uint32_t level = COARSEST; level <= FINEST; level++)
        put_key(level, x >> (FINEST - level), y >> (FINEST - level));
}

/* The cells of a level that a box covers. The whole world has 2^32 of the finest. */
typedef struct {
    uint32_t x, columns, y, rows;
    uint64_t count;
} cells;

static cells cells_of(const box *b, uint32_t level) {
    uint32_t shift = FINEST - level, all = 1u << level;
    uint32_t x = column(b->west) >> shift, y = row(b->south) >> shift;
    uint32_t columns = (column(b->east) >> shift) - x + 1;
    if (b->west > b->east)
        columns += all; /* on from the last column to 0 */
    if (columns > all)
        columns = all;
    uint32_t rows = (row(b->north) >> shift) - y + 1;
    return (cells){x, columns, y, rows, (uint64_t)columns * rows};
}

void weir_filter_interest(weir_bytes prepared) {
    const box *b = (const box *)prepared.at;
    if (prepared.size > BOX_SIZE) {
        weir_put_key(WEIR_ANY_KEY); /* what an event has in other fields is not among its keys */
        return;
    }
    uint32_t level = FINEST;
    cells c = cells_of(b, level);
    while (c.count > MOST_CELLS)
        c = cells_of(b, --level);
    if (level == COARSEST && c.count == 1u << 2 * COARSEST) {
        put_key(0, 0, 0);
        return;
    }
    for (uint32_t y = c.y; y < c.y + c.rows; y++)
        for (uint32_t x = c.x; x < c.x + c.columns; x++)
            put_key(level, x & ((1u << level) - 1), y);
}

WEIR_ROUTES
