package cli

import (
	"math"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "65536": 65536, "64KiB": 64 << 10, "64 MiB": 64 << 20, "1GiB": 1 << 30, "7B": 7,
		"18446744073709551615": math.MaxUint64,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "1.5MiB", "64KB", "18446744073709551616", "18446744073709551615KiB"} {
		if err := new(byteSize).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzByteSize(f *testing.F) {
	for _, size := range []uint64{0, 1, 1000, 1 << 10, 3 << 20, 5 << 30, math.MaxUint64} {
		f.Add(size)
	}
	f.Fuzz(func(t *testing.T, size uint64) {
		text := byteSize(size).String()
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || uint64(got) != size {
			t.Errorf("%d is written %q and read %d, %v", size, text, got, err)
		}
	})
}
