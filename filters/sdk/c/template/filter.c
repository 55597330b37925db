/* NAME: lets through the events whose field "delay" is at least what the subscriber asks for: {"min":60}. */
#include "weir/weir.h"

/* Checks a subscriber's params, once. What is put here, decide finds in the subscriber's group. */
bool weir_filter_prepare(weir_bytes params) {
    const weir_bytes paths[] = {WEIR_BYTES("min")};
    weir_value found[1];
    double min;
    if (!weir_json_find(params, paths, 1, found) || !weir_number(&found[0], &min))
        return weir_refuse("params must be like {\"min\":60}");
    weir_put_f64(min);
    return true;
}

/* Decides about one event for all groups of subscribers. */
void weir_filter_decide(const weir_event *event, const weir_groups *groups, weir_verdicts *verdicts) {
    const weir_bytes paths[] = {WEIR_BYTES("delay")};
    weir_value found[1];
    double delay;
    if (!weir_json_find(weir_payload(event), paths, 1, found) || !weir_number(&found[0], &delay))
        return; /* nobody gets an event without a delay */
    for (uint32_t i = 0; i < groups->count; i++)
        if (delay >= *(const double *)weir_group(groups, i).at)
            weir_allow(verdicts, i);
}
