package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"weir/proto/weirpb"
)

// A fuelAmount is a number of units that people may write with a suffix: 200000, 200K, 400M, 2G.
type fuelAmount uint64

// maxFuel is the highest rate, in units a second: it fits, with room to spare, into an int64.
const maxFuel fuelAmount = 1_000_000_000_000_000

var fuelUnits = []struct {
	suffix string
	units  uint64
}{{"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}}

// UnmarshalText reads a number with or without a suffix.
func (f *fuelAmount) UnmarshalText(text []byte) error {
	number, unit := string(text), uint64(1)
	for _, u := range fuelUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = rest, u.units
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > math.MaxUint64/unit {
		return fmt.Errorf("%q is no amount of fuel, as in 200000, 400M or 2G", text)
	}
	*f = fuelAmount(n * unit)
	return nil
}

// String writes the number with the largest suffix that divides it.
func (f fuelAmount) String() string {
	for i := len(fuelUnits) - 1; i >= 0; i-- {
		if u := fuelUnits[i]; f > 0 && uint64(f)%u.units == 0 {
			return strconv.FormatUint(uint64(f)/u.units, 10) + u.suffix
		}
	}
	return strconv.FormatUint(uint64(f), 10)
}

// limitFlags change limits; what isn't given is left as it is.
type limitFlags struct {
	FuelPerCall       *fuelAmount `help:"Fuel of one call. 0: the default, 400M." placeholder:"FUEL"`
	FuelPerGroup      *fuelAmount `help:"Fuel that a call has more for each group that it decides about. 0: the default, 400K." placeholder:"FUEL"`
	MemoryPages       *uint32     `help:"Memory of an instance, in pages of 64 KiB. 0: the default, 256." placeholder:"N"`
	ModuleBytes       *byteSize   `help:"Longest module. 0: the default, 4MiB." placeholder:"SIZE"`
	OutputBytes       *byteSize   `help:"Longest payload that a projection answers. 0: the default, 128KiB." placeholder:"SIZE"`
	LogLinesPerSecond *uint32     `help:"Lines that are logged in a second, on each edge. 0: the default, 50." placeholder:"N"`
}

// given reports whether any flag is.
func (f limitFlags) given() bool { return f != limitFlags{} }

// apply changes l as the flags say.
func (f *limitFlags) apply(l *weirpb.FilterLimits) {
	if f.FuelPerCall != nil {
		l.FuelPerCall = uint64(*f.FuelPerCall)
	}
	if f.FuelPerGroup != nil {
		l.FuelPerGroup = uint64(*f.FuelPerGroup)
	}
	if f.MemoryPages != nil {
		l.MemoryPages = *f.MemoryPages
	}
	if f.ModuleBytes != nil {
		l.ModuleBytes = uint32(min(*f.ModuleBytes, math.MaxUint32))
	}
	if f.OutputBytes != nil {
		l.OutputBytes = uint32(min(*f.OutputBytes, math.MaxUint32))
	}
	if f.LogLinesPerSecond != nil {
		l.LogLinesPerSecond = *f.LogLinesPerSecond
	}
}

// limitsView is limits in JSON; 0 is the default.
type limitsView struct {
	Tenant            string  `json:"tenant"`
	Filter            string  `json:"filter,omitempty"`
	FuelPerSecond     *uint64 `json:"fuel_per_second,omitempty"`
	FuelPerCall       uint64  `json:"fuel_per_call"`
	FuelPerGroup      uint64  `json:"fuel_per_group"`
	MemoryPages       uint32  `json:"memory_pages"`
	ModuleBytes       uint32  `json:"module_bytes"`
	OutputBytes       uint32  `json:"output_bytes"`
	LogLinesPerSecond uint32  `json:"log_lines_per_second"`
}

// viewLimits describes limits of a tenant, or with a filter's name those of one of its filters.
func viewLimits(l *weirpb.FilterLimits, tenant, filter string) limitsView {
	v := limitsView{
		Tenant: tenant, Filter: filter, FuelPerCall: l.GetFuelPerCall(), FuelPerGroup: l.GetFuelPerGroup(),
		MemoryPages: l.GetMemoryPages(), ModuleBytes: l.GetModuleBytes(), OutputBytes: l.GetOutputBytes(),
		LogLinesPerSecond: l.GetLogLinesPerSecond(),
	}
	if rate := l.GetFuelPerSecond(); filter == "" {
		v.FuelPerSecond = &rate
	}
	return v
}

// print tells the limits.
func (v *limitsView) print(con *console, asJSON bool) error {
	if asJSON {
		return con.printJSON(v)
	}
	rows := [][2]string{
		{"fuel per call", limitText(fuelAmount(v.FuelPerCall))},
		{"fuel per group", limitText(fuelAmount(v.FuelPerGroup))},
		{"memory pages", limitText(v.MemoryPages)},
		{"module bytes", limitText(byteSize(v.ModuleBytes))},
		{"output bytes", limitText(byteSize(v.OutputBytes))},
		{"log lines per second", limitText(v.LogLinesPerSecond)},
	}
	if v.FuelPerSecond != nil {
		rows = append([][2]string{{"fuel per second", limitText(fuelAmount(*v.FuelPerSecond))}}, rows...)
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(con.out, "%-22s%s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return nil
}

func limitText[T fuelAmount | byteSize | uint32](n T) string {
	if n == 0 {
		return "default"
	}
	return fmt.Sprint(n)
}
