/* The calls of filters/ABI.md, turned into calls of a filter's functions. */
#include "weir.h"

#define PAGE 65536u
#define KEYS 64 /* most routing keys of an event or a group */

extern uint8_t __heap_base; /* placed by the linker where the module's own data ends */

__attribute__((import_module("weir"), import_name("log"))) void host_log(const uint8_t *text, uint32_t size);

static struct {
    uint8_t bytes[WEIR_OUTPUT];
    uint32_t size;
    bool overflowed;
} output;

/* The compiler calls these for what it can't write out; see its flag -ffreestanding. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n) {
    __builtin_memcpy(to, from, n);
    return to;
}

void *memset(void *to, int c, __SIZE_TYPE__ n) {
    __builtin_memset(to, c, n);
    return to;
}

bool weir_equal(weir_bytes a, weir_bytes b) {
    if (a.size != b.size)
        return false;
    for (uint32_t i = 0; i < a.size; i++)
        if (a.at[i] != b.at[i])
            return false;
    return true;
}

void weir_log(weir_bytes text) { host_log(text.at, text.size); }

void weir_begin(void) {
    output.size = 0;
    output.overflowed = false;
}

void weir_put(weir_bytes bytes) {
    if (bytes.size > WEIR_OUTPUT - output.size) {
        output.overflowed = true;
        return;
    }
    memcpy(output.bytes + output.size, bytes.at, bytes.size);
    output.size += bytes.size;
}

void weir_put_u8(uint8_t v) { weir_put((weir_bytes){&v, sizeof v}); }
void weir_put_u32(uint32_t v) { weir_put((weir_bytes){(uint8_t *)&v, sizeof v}); }
void weir_put_u64(uint64_t v) { weir_put((weir_bytes){(uint8_t *)&v, sizeof v}); }
void weir_put_f64(double v) { weir_put((weir_bytes){(uint8_t *)&v, sizeof v}); }

uint64_t weir_routing_key(weir_bytes text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (uint32_t i = 0; i < text.size; i++)
        hash = (hash ^ text.at[i]) * 0x100000001b3;
    return hash;
}

uint8_t *weir_written(uint32_t *size) {
    *size = output.size;
    return output.bytes;
}

bool weir_refuse(const char *text) {
    weir_begin();
    for (; *text; text++)
        weir_put_u8((uint8_t)*text);
    return false;
}

uint64_t weir_finish(bool ok) {
    if (ok && output.overflowed)
        ok = weir_refuse("the result is too long");
    uint64_t result = (uint64_t)(uintptr_t)output.bytes << 32 | output.size;
    return ok ? result : result | (uint64_t)1 << 63;
}

uint64_t weir_finish_keys(void) {
    if (output.overflowed || output.size > KEYS * sizeof(uint64_t)) {
        weir_begin();
        weir_put_key(WEIR_ANY_KEY);
    }
    return weir_finish(true);
}

WEIR_EXPORT("weir_abi_1") void abi_1(void) {}

/* The input buffer is always the start of the heap, which nothing else uses. */
WEIR_EXPORT("weir_buf") uint8_t *buf(uint32_t size) {
    uintptr_t start = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    uint64_t end = (uint64_t)start + size;
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    if (end > have && __builtin_wasm_memory_grow(0, (uint32_t)((end - have + PAGE - 1) / PAGE)) == (__SIZE_TYPE__)-1)
        return 0;
    return (uint8_t *)start;
}

WEIR_EXPORT("weir_prepare") uint64_t prepare(const uint8_t *params, uint32_t size) {
    weir_begin();
    return weir_finish(weir_filter_prepare((weir_bytes){params, size}));
}

WEIR_EXPORT("weir_match")
uint64_t match(const weir_event *event, uint32_t size, const uint8_t *set, uint32_t count, uint64_t *verdicts) {
    (void)size;
    weir_groups groups = {set, count};
    weir_verdicts answer = {verdicts};
    weir_filter_decide(event, &groups, &answer);
    return 0;
}
