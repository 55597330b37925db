package cli

import (
	"encoding/json"
	"strconv"
	"strings"

	"weir/proto/weirpb"
)

// parseFilters pairs each --filter with its --params, in order. One filter alone, or all of them, may have none.
func parseFilters(names, params []string) ([]*weirpb.FilterRef, error) {
	if len(params) > 0 && len(params) != len(names) {
		return nil, usagef("give one --params after each --filter; --params null where a filter takes none",
			"there are %d --filter and %d --params", len(names), len(params))
	}
	var filters []*weirpb.FilterRef
	for i, text := range names {
		name, version, err := parseFilterName(text)
		if err != nil {
			return nil, err
		}
		ref := &weirpb.FilterRef{Name: name, Version: version}
		if len(params) > 0 {
			if looksLikeJSON(params[i]) && !json.Valid([]byte(params[i])) {
				return nil, usagef(`quote them for the shell, as in --params '{"west":5}'`, "the params of %s are not JSON", name)
			}
			ref.Params = []byte(params[i])
		}
		filters = append(filters, ref)
	}
	return filters, nil
}

// looksLikeJSON tells what is meant as JSON and may have lost its quotes to the shell from params of another kind: a
// filter may take any.
func looksLikeJSON(params string) bool {
	return strings.HasPrefix(params, "{") || strings.HasPrefix(params, "[")
}

// parseSince reads EPOCH:OFFSET, "earliest" or nothing.
func parseSince(text string) (weirpb.Start, *weirpb.Cursor, error) {
	switch text {
	case "":
		return weirpb.Start_START_LIVE, nil, nil
	case "earliest":
		return weirpb.Start_START_EARLIEST, nil, nil
	}
	first, second, ok := strings.Cut(text, ":")
	epoch, badEpoch := strconv.ParseUint(first, 10, 64)
	offset, badOffset := strconv.ParseUint(second, 10, 64)
	if !ok || badEpoch != nil || badOffset != nil {
		return 0, nil, usagef("give earliest, or EPOCH:OFFSET as --json prints them", "--since %s is no place in a channel", text)
	}
	return weirpb.Start_START_CURSOR, &weirpb.Cursor{Epoch: epoch, Offset: offset}, nil
}
