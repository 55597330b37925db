/* Decimal text to double, correctly rounded (IEEE 754, round to nearest, ties to even). */
#include "weir.h"

/* Words of 32 bits: the longest numbers are those of 801 digits, and the powers of ten up to 330 + 801. */
#define WORDS 136
/* Significant digits that can make a difference; of further ones only counts whether they are all 0. */
#define DIGITS 800

/* A natural number, least significant word first. */
typedef struct {
    uint32_t words[WORDS], size;
} big;

static void multiply_add(big *b, uint32_t factor, uint32_t term) {
    uint64_t carry = term;
    for (uint32_t i = 0; i < b->size; i++) {
        carry += (uint64_t)b->words[i] * factor;
        b->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        b->words[b->size++] = (uint32_t)carry;
}

static int bits(const big *b) {
    return b->size ? 32 * (int)b->size - __builtin_clz(b->words[b->size - 1]) : 0;
}

static void shift_left(big *b, uint32_t n) {
    uint32_t words = n / 32;
    if (b->size == 0)
        return;
    multiply_add(b, (uint32_t)1 << n % 32, 0);
    for (uint32_t i = b->size; words && i-- > 0;)
        b->words[i + words] = b->words[i];
    for (uint32_t i = 0; i < words; i++)
        b->words[i] = 0;
    b->size += words;
}

static bool at_least(const big *a, const big *b) {
    if (a->size != b->size)
        return a->size > b->size;
    for (uint32_t i = a->size; i-- > 0;)
        if (a->words[i] != b->words[i])
            return a->words[i] > b->words[i];
    return true;
}

/* a -= b, which is not greater */
static void subtract(big *a, const big *b) {
    int64_t borrow = 0;
    for (uint32_t i = 0; i < a->size; i++) {
        borrow += (int64_t)a->words[i] - (i < b->size ? b->words[i] : 0);
        a->words[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (a->size && a->words[a->size - 1] == 0)
        a->size--;
}

/* Rounds (mantissa + a fraction if sticky) * 2^exponent; mantissa has 63 or 64 bits. False: too large. */
static bool rounded(uint64_t mantissa, int exponent, bool sticky, double *v) {
    int have = 64 - __builtin_clzll(mantissa);
    int top = exponent + have - 1;
    int keep = top < -1022 ? 53 - (-1022 - top) : 53; /* below 2^-1022 there are fewer digits */
    int drop = have - keep;
    *v = 0;
    if (keep < 0)
        return true;
    uint64_t kept = drop < 64 ? mantissa >> drop : 0;
    uint64_t rest = drop < 64 ? mantissa - (kept << drop) : mantissa;
    uint64_t half = (uint64_t)1 << (drop - 1);
    if (rest > half || (rest == half && (sticky || kept & 1)))
        kept++;
    /* A carry out of the digits goes into the exponent by itself. */
    uint64_t word = top < -1022 ? kept : ((uint64_t)(top + 1023) << 52) + (kept - ((uint64_t)1 << 52));
    __builtin_memcpy(v, &word, sizeof word);
    return word >> 52 < 2047;
}

/* numerator / denominator, by long division. */
static bool divide(big *numerator, big *denominator, double *v) {
    int shift = bits(numerator) - bits(denominator);
    if (shift >= 0)
        shift_left(denominator, (uint32_t)shift);
    else
        shift_left(numerator, (uint32_t)-shift);
    uint64_t quotient = 0;
    for (int i = 0; i < 64; i++) {
        quotient <<= 1;
        if (at_least(numerator, denominator)) {
            subtract(numerator, denominator);
            quotient |= 1;
        }
        shift_left(numerator, 1);
    }
    return rounded(quotient, shift - 63, numerator->size > 0, v);
}

/* A number taken apart. */
typedef struct {
    weir_bytes digits; /* from the first that isn't 0 to the last, perhaps with a point among them */
    uint64_t mantissa; /* of the first 19 digits */
    int count, magnitude; /* digits, and the power of ten of the first one */
} decimal;

static int exponent_of(weir_bytes text, uint32_t at) {
    if (at >= text.size)
        return 0;
    at++;
    bool negative = text.at[at] == '-';
    at += negative || text.at[at] == '+';
    int e = 0;
    for (; at < text.size; at++)
        e = e < 10000000 ? e * 10 + (text.at[at] - '0') : e;
    return negative ? -e : e;
}

static decimal read(weir_bytes text) {
    decimal d = {{text.at, 0}, 0, 0, 0};
    bool after_point = false;
    int whole = 0;
    uint32_t at = 0;
    for (; at < text.size && (text.at[at] == '.' || (text.at[at] >= '0' && text.at[at] <= '9')); at++) {
        uint8_t c = text.at[at];
        if (c == '.') {
            after_point = true;
        } else if (d.count || c != '0') {
            if (d.count++ == 0)
                d.digits.at = text.at + at;
            whole += !after_point;
            if (d.count <= 19)
                d.mantissa = d.mantissa * 10 + (c - '0');
        } else if (after_point) {
            whole--;
        }
    }
    d.digits.size = (uint32_t)(text.at + at - d.digits.at);
    d.magnitude = whole - 1 + exponent_of(text, at);
    return d;
}

static bool slow(const decimal *d, double *v) {
    static big numerator, denominator;
    numerator.size = denominator.size = 0;
    int count = 0;
    bool more = false;
    for (uint32_t i = 0; i < d->digits.size; i++) {
        uint8_t c = d->digits.at[i];
        if (c == '.')
            continue;
        if (count < DIGITS) {
            multiply_add(&numerator, 10, c - '0');
            count++;
        } else {
            more |= c != '0';
        }
    }
    if (more) {
        multiply_add(&numerator, 10, 1);
        count++;
    }
    int e = d->magnitude + 1 - count;
    multiply_add(&denominator, 1, 1);
    for (int i = 0; i < (e < 0 ? -e : e); i++)
        multiply_add(e < 0 ? &denominator : &numerator, 10, 0);
    return divide(&numerator, &denominator, v);
}

bool weir_number(const weir_value *value, double *v) {
    static const double tens[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (value->kind != WEIR_NUMBER)
        return false;
    weir_bytes text = value->text;
    bool negative = text.at[0] == '-';
    text.at += negative;
    text.size -= negative;
    decimal d = read(text);
    int e = d.magnitude + 1 - d.count;
    bool fits = true;
    if (d.count == 0 || d.magnitude < -330)
        *v = 0;
    else if (d.magnitude > 310)
        return false;
    else if (d.count <= 15 && e >= -22 && e <= 22) /* both are exact, so that this rounds once */
        *v = e < 0 ? (double)d.mantissa / tens[-e] : (double)d.mantissa * tens[e];
    else
        fits = slow(&d, v);
    if (negative)
        *v = -*v;
    return fits;
}
