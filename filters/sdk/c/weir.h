/* Write weir filters in C11, without a standard library.
 *
 * Define weir_filter_prepare and weir_filter_decide and link weir.c, json.c and number.c. A filter is pure functions over
 * bytes: it keeps nothing between calls, and whatever it does keep is wiped at times that it can't know. filters/ABI.md
 * describes what lies underneath. */
#ifndef WEIR_H
#define WEIR_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_EXPORT(name) __attribute__((export_name(name)))

/* Bytes that somebody else owns. Those that the host wrote have at least 8 zero bytes behind them. */
typedef struct {
    const uint8_t *at;
    uint32_t size;
} weir_bytes;

/* The bytes of a string literal. */
#define WEIR_BYTES(text) ((weir_bytes){(const uint8_t *)(text), sizeof(text) - 1})

bool weir_equal(weir_bytes a, weir_bytes b);

/* ---- What you define ---- */

typedef struct weir_event weir_event;
typedef struct weir_groups weir_groups;
typedef struct weir_verdicts weir_verdicts;

/* Checks and parses a subscriber's params, once, and writes whatever decide wants to have of them with the functions
 * weir_put_. False, from weir_refuse, refuses the subscription with that text. */
bool weir_filter_prepare(weir_bytes params);

/* Decides about one event for all groups, with weir_allow. */
void weir_filter_decide(const weir_event *event, const weir_groups *groups, weir_verdicts *verdicts);

/* Write this once, outside of functions, in a filter that changes what groups are shown, and define the function: it writes
 * the payload with the functions weir_put_. */
#define WEIR_PROJECTS                                                                                                   \
    WEIR_EXPORT("weir_project")                                                                                         \
    uint64_t weir_project_(const weir_event *event, uint32_t size, const uint8_t *prepared, uint32_t prepared_size) {   \
        (void)size;                                                                                                     \
        weir_begin();                                                                                                   \
        return weir_finish(weir_filter_project(event, (weir_bytes){prepared, prepared_size}));                          \
    }
bool weir_filter_project(const weir_event *event, weir_bytes prepared);

/* Write this once, outside of functions, in a filter that tells who may want an event at all, and define both functions.
 * They put routing keys with weir_put_key; more than 64 stand for all. Where decide would allow an event to a group, keys of the event and
 * interest of the group must have put a key in common, or one of them WEIR_ANY_KEY. A host may then ask decide about few
 * groups of many. The group is what prepare wrote. */
#define WEIR_ROUTES                                                                                                     \
    WEIR_EXPORT("weir_keys") uint64_t weir_keys_(const weir_event *event, uint32_t size) {                              \
        (void)size;                                                                                                     \
        weir_begin();                                                                                                   \
        weir_filter_keys(event);                                                                                        \
        return weir_finish_keys();                                                                                      \
    }                                                                                                                   \
    WEIR_EXPORT("weir_interest") uint64_t weir_interest_(const uint8_t *prepared, uint32_t prepared_size) {             \
        weir_begin();                                                                                                   \
        weir_filter_interest((weir_bytes){prepared, prepared_size});                                                    \
        return weir_finish_keys();                                                                                      \
    }
void weir_filter_keys(const weir_event *event);
void weir_filter_interest(weir_bytes prepared);

/* Stands for all: an event that concerns every group, a group that is to be asked about every event. */
#define WEIR_ANY_KEY ((uint64_t)0)

/* ---- Writing a result ---- */

/* Longest result, in bytes. */
#define WEIR_OUTPUT (128 << 10)

void weir_put(weir_bytes bytes);
void weir_put_u8(uint8_t v);
void weir_put_u32(uint32_t v);
void weir_put_u64(uint64_t v);
void weir_put_f64(double v);

/* Puts a routing key. */
static inline void weir_put_key(uint64_t key) { weir_put_u64(key); }

/* A routing key for a text, such as a name or a topic, the same in every SDK: FNV-1a with 64 bits. */
uint64_t weir_routing_key(weir_bytes text);

/* What was written so far, to be read or changed in place. */
uint8_t *weir_written(uint32_t *size);

/* Throws away what was written and begins the text of a refusal, to which more can be put. Returns false. */
bool weir_refuse(const char *text);

/* Used by WEIR_PROJECTS and WEIR_ROUTES. */
void weir_begin(void);
uint64_t weir_finish(bool ok);
uint64_t weir_finish_keys(void);

/* ---- The event ---- */

/* A place within an event. */
typedef struct {
    uint32_t offset, size;
} weir_span;

/* An event, as the host writes it. */
struct weir_event {
    uint64_t offset; /* place in the channel's order; 0 for an ephemeral event */
    int64_t time_ms; /* since the Unix epoch */
    uint32_t flags, headers;
    weir_span channel, key, content_type, payload, header_table;
};

enum { WEIR_TOMBSTONE = 1, WEIR_EPHEMERAL = 2 };

static inline weir_bytes weir_at(const weir_event *event, weir_span span) {
    return (weir_bytes){(const uint8_t *)event + span.offset, span.size};
}

static inline weir_bytes weir_payload(const weir_event *event) { return weir_at(event, event->payload); }
static inline weir_bytes weir_channel(const weir_event *event) { return weir_at(event, event->channel); }
static inline weir_bytes weir_key(const weir_event *event) { return weir_at(event, event->key); }

/* Header n of event->headers. */
static inline weir_bytes weir_header_name(const weir_event *event, uint32_t n) {
    return weir_at(event, ((const weir_span *)weir_at(event, event->header_table).at)[2 * n]);
}
static inline weir_bytes weir_header_value(const weir_event *event, uint32_t n) {
    return weir_at(event, ((const weir_span *)weir_at(event, event->header_table).at)[2 * n + 1]);
}

/* ---- The groups ---- */

struct weir_groups {
    const uint8_t *set;
    uint32_t count;
};

struct weir_verdicts {
    uint64_t *words;
};

/* What prepare wrote for a group, from 0 on. It begins at a multiple of 8. */
static inline weir_bytes weir_group(const weir_groups *groups, uint32_t group) {
    const weir_span *entry = (const weir_span *)groups->set + group;
    return (weir_bytes){groups->set + entry->offset, entry->size};
}

/* Lets the event through to one group. */
static inline void weir_allow(weir_verdicts *verdicts, uint32_t group) {
    verdicts->words[group / 64] |= (uint64_t)1 << group % 64;
}

/* Says something: "weir filter logs" shows it. The first 256 bytes of a message are kept, and so many messages a second. */
void weir_log(weir_bytes text);

/* ---- JSON ---- */

typedef enum { WEIR_MISSING, WEIR_NULL, WEIR_FALSE, WEIR_TRUE, WEIR_NUMBER, WEIR_STRING, WEIR_NESTED } weir_kind;

/* A value in place. text is a number's, or a string's without quotes and with its escapes; else empty. */
typedef struct {
    weir_kind kind;
    weir_bytes text;
} weir_value;

/* Most paths that one pass looks for, and deepest nesting. Deeper texts count as not JSON. */
#define WEIR_PATHS 64
#define WEIR_DEPTH 64

/* Finds the values of paths such as "position.lon" in one pass; in an array, a name of digits counts from 0. Of fields
 * with the same name the last one counts. False: the whole text is not JSON (RFC 8259), and nothing is found. text must
 * be followed by a zero byte, as all that the host writes is. */
bool weir_json_find(weir_bytes text, const weir_bytes *paths, uint32_t count, weir_value *found);

/* The value of a number, correctly rounded. False: it is none, or too large for a double. */
bool weir_number(const weir_value *value, double *v);

/* Whether a string says this, its escapes resolved. */
bool weir_string_equals(const weir_value *value, weir_bytes text);

/* Takes the next byte of a string, its escapes resolved to UTF-8. *at begins as 0. -1: there are no more. */
typedef struct {
    uint32_t at;
    uint8_t rest[4];
    uint32_t left;
} weir_reader;
int weir_string_next(const weir_value *value, weir_reader *reader);

#endif
