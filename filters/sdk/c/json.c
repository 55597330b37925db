/* Finds fields of a JSON text in one pass, without building anything. */
#include "weir.h"

typedef struct {
    weir_bytes text;
    uint32_t at; /* no more than the size: the byte there is 0, which nothing accepts */
    const weir_bytes *paths;
    uint32_t count;
    weir_value *found;
} scanner;

static bool value(scanner *s, uint64_t wanted, uint32_t depth, weir_value *v);

static inline uint8_t peek(const scanner *s) { return s->text.at[s->at]; }

static inline void space(scanner *s) {
    while (peek(s) == ' ' || peek(s) == '\n' || peek(s) == '\r' || peek(s) == '\t')
        s->at++;
}

static inline bool take(scanner *s, uint8_t c) {
    bool is = peek(s) == c;
    s->at += is;
    return is;
}

static int hex(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool escape(scanner *s) {
    switch (s->text.at[s->at++]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return true;
    case 'u':
        for (int i = 0; i < 4; i++, s->at++)
            if (hex(peek(s)) < 0)
                return false;
        return true;
    }
    s->at--;
    return false;
}

static bool string(scanner *s, weir_value *v) {
    if (!take(s, '"'))
        return false;
    uint32_t start = s->at;
    for (;;) {
        uint8_t c = peek(s);
        if (c == '"') {
            *v = (weir_value){WEIR_STRING, {s->text.at + start, s->at - start}};
            s->at++;
            return true;
        }
        if (c < 0x20)
            return false;
        s->at++;
        if (c == '\\' && !escape(s))
            return false;
    }
}

static bool digits(scanner *s) {
    uint32_t start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > start;
}

static bool number(scanner *s, weir_value *v) {
    uint32_t start = s->at;
    take(s, '-');
    if (!take(s, '0') && !digits(s))
        return false;
    if (take(s, '.') && !digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!digits(s))
            return false;
    }
    *v = (weir_value){WEIR_NUMBER, {s->text.at + start, s->at - start}};
    return true;
}

static bool word(scanner *s, const char *text, weir_kind kind, weir_value *v) {
    for (; *text; text++)
        if (!take(s, (uint8_t)*text))
            return false;
    *v = (weir_value){kind, {0, 0}};
    return true;
}

/* Name n of a path, and whether it is the last one. */
static weir_bytes name_at(weir_bytes path, uint32_t n, bool *last) {
    uint32_t start = 0, end = 0;
    for (;; n--, start = end + 1) {
        for (end = start; end < path.size && path.at[end] != '.'; end++) {}
        if (n == 0 || end == path.size)
            break;
    }
    *last = end == path.size;
    return (weir_bytes){path.at + start, end - start};
}

/* Whether a name is this index of an array: decimal, without leading zeros. */
static bool is_index(weir_bytes name, uint32_t index) {
    if (name.size == 0 || name.size > 9 || (name.at[0] == '0' && name.size > 1))
        return false;
    uint32_t v = 0;
    for (uint32_t i = 0; i < name.size; i++) {
        if (name.at[i] < '0' || name.at[i] > '9')
            return false;
        v = v * 10 + (name.at[i] - '0');
    }
    return v == index;
}

/* Scans the value of a member, named as an object's or by its index, and the space around it. */
static bool member(scanner *s, uint64_t wanted, uint32_t depth, const weir_value *name, uint32_t index) {
    uint64_t ending = 0, inside = 0;
    for (uint64_t left = wanted; left; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left);
        bool last;
        weir_bytes segment = name_at(s->paths[i], depth, &last);
        if (!(name ? weir_string_equals(name, segment) : is_index(segment, index)))
            continue;
        s->found[i] = (weir_value){WEIR_MISSING, {0, 0}}; /* what an earlier member of this name had no longer counts */
        *(last ? &ending : &inside) |= (uint64_t)1 << i;
    }
    weir_value v;
    space(s);
    if (!value(s, inside, depth + 1, &v))
        return false;
    for (; ending; ending &= ending - 1)
        s->found[__builtin_ctzll(ending)] = v;
    space(s);
    return true;
}

static bool nested(scanner *s, uint64_t wanted, uint32_t depth, bool object, weir_value *v) {
    uint8_t close = object ? '}' : ']';
    *v = (weir_value){WEIR_NESTED, {0, 0}};
    s->at++;
    space(s);
    if (take(s, close))
        return true;
    for (uint32_t index = 0;; index++) {
        weir_value name;
        if (object) {
            space(s);
            if (!string(s, &name))
                return false;
            space(s);
            if (!take(s, ':'))
                return false;
        }
        if (!member(s, wanted, depth, object ? &name : 0, index))
            return false;
        if (!take(s, ','))
            return take(s, close);
    }
}

static bool value(scanner *s, uint64_t wanted, uint32_t depth, weir_value *v) {
    switch (peek(s)) {
    case '"':
        return string(s, v);
    case '{': case '[':
        return depth < WEIR_DEPTH && nested(s, wanted, depth, peek(s) == '{', v);
    case 't':
        return word(s, "true", WEIR_TRUE, v);
    case 'f':
        return word(s, "false", WEIR_FALSE, v);
    case 'n':
        return word(s, "null", WEIR_NULL, v);
    }
    return number(s, v);
}

static void clear(weir_value *found, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        found[i] = (weir_value){WEIR_MISSING, {0, 0}};
}

bool weir_json_find(weir_bytes text, const weir_bytes *paths, uint32_t count, weir_value *found) {
    if (count > WEIR_PATHS)
        __builtin_trap();
    clear(found, count);
    scanner s = {text, 0, paths, count, found};
    weir_value v;
    space(&s);
    if (value(&s, count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1, 0, &v)) {
        space(&s);
        if (s.at == text.size)
            return true;
    }
    clear(found, count);
    return false;
}

bool weir_string_equals(const weir_value *v, weir_bytes text) {
    weir_reader reader = {0, {0}, 0};
    for (uint32_t i = 0; i < text.size; i++)
        if (weir_string_next(v, &reader) != text.at[i])
            return false;
    return weir_string_next(v, &reader) < 0;
}

static uint32_t unit(const uint8_t *at) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)hex(at[i]);
    return v;
}

/* Leaves the bytes of a code point after the first in the reader, the next one last. */
static int encode(uint32_t code, weir_reader *r) {
    if (code < 0x80)
        return (int)code;
    for (r->left = 0; code > 0x3fu >> r->left; code >>= 6)
        r->rest[r->left++] = 0x80 | (code & 0x3f);
    return (int)(0xffu << (7 - r->left) & 0xff) | (int)code;
}

static int unicode(const weir_value *v, weir_reader *r) {
    uint32_t code = unit(v->text.at + r->at);
    r->at += 4;
    if (code >= 0xd800 && code < 0xdc00 && r->at + 6 <= v->text.size && v->text.at[r->at] == '\\' &&
        v->text.at[r->at + 1] == 'u') {
        uint32_t low = unit(v->text.at + r->at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            r->at += 6;
        }
    }
    if (code >= 0xd800 && code < 0xe000)
        code = 0xfffd; /* half a surrogate pair */
    return encode(code, r);
}

int weir_string_next(const weir_value *v, weir_reader *r) {
    if (r->left)
        return r->rest[--r->left];
    if (r->at >= v->text.size)
        return -1;
    uint8_t c = v->text.at[r->at++];
    if (c != '\\')
        return c;
    switch (c = v->text.at[r->at++]) {
    case 'b':
        return 8;
    case 'f':
        return 12;
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        return unicode(v, r);
    }
    return c;
}
