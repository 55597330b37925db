package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A byteSize is a number of bytes that people may write with a unit: 65536, 64KiB, 64MiB, 1GiB.
type byteSize uint64

var byteUnits = []struct {
	suffix string
	bytes  uint64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"B", 1},
}

// UnmarshalText reads a number with or without a unit.
func (b *byteSize) UnmarshalText(text []byte) error {
	number, unit := string(text), uint64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > math.MaxUint64/unit {
		return fmt.Errorf("%q is no number of bytes, as in 65536, 64KiB or 1GiB", text)
	}
	*b = byteSize(n * unit)
	return nil
}

// String writes the number with the largest unit that divides it.
func (b byteSize) String() string {
	for _, u := range []int{2, 1, 0} {
		if unit := byteUnits[u]; b > 0 && uint64(b)%unit.bytes == 0 {
			return strconv.FormatUint(uint64(b)/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatUint(uint64(b), 10)
}
