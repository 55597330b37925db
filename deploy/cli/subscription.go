package cli

import (
	"encoding/json"
	"strconv"
	"strings"

	"weir/edge/edgeclient"
)

// parseFilters pairs each --filter with its --params, in order. One filter alone, or all of them, may have none.
func parseFilters(names, params []string) ([]edgeclient.Filter, error) {
	if len(params) > 0 && len(params) != len(names) {
		return nil, usagef("give one --params after each --filter; --params null where a filter takes none",
			"there are %d --filter and %d --params", len(names), len(params))
	}
	var filters []edgeclient.Filter
	for i, text := range names {
		name, version, err := parseFilterName(text)
		if err != nil {
			return nil, err
		}
		filter := edgeclient.Filter{Name: name, Version: version}
		if len(params) > 0 {
			if looksLikeJSON(params[i]) && !json.Valid([]byte(params[i])) {
				return nil, usagef(`quote them for the shell, as in --params '{"west":5}'`, "the params of %s are not JSON", name)
			}
			filter.Params = []byte(params[i])
		}
		filters = append(filters, filter)
	}
	return filters, nil
}

// looksLikeJSON tells what is meant as JSON and may have lost its quotes to the shell from params of another kind: a
// filter may take any.
func looksLikeJSON(params string) bool {
	return strings.HasPrefix(params, "{") || strings.HasPrefix(params, "[")
}

// parseSince reads EPOCH:OFFSET, "earliest" or nothing.
func parseSince(text string) (earliest bool, after *edgeclient.Cursor, err error) {
	switch text {
	case "":
		return false, nil, nil
	case "earliest":
		return true, nil, nil
	}
	first, second, ok := strings.Cut(text, ":")
	epoch, badEpoch := strconv.ParseUint(first, 10, 64)
	offset, badOffset := strconv.ParseUint(second, 10, 64)
	if !ok || badEpoch != nil || badOffset != nil || epoch == 0 {
		return false, nil, usagef("give earliest, or EPOCH:OFFSET as --json prints them", "--since %s is no place in a channel", text)
	}
	return false, &edgeclient.Cursor{Epoch: epoch, Offset: offset}, nil
}
