package cli

import "testing"

func TestFuelAmounts(t *testing.T) {
	for text, want := range map[string]fuelAmount{"0": 0, "7": 7, "200K": 200e3, "400M": 400e6, "2G": 2e9, "3T": 3e12, "2000M": 2e9} {
		var got fuelAmount
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "G", "-1", "1.5G", "2g", "99999999999999999999", "99999999999999999T"} {
		var got fuelAmount
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	for amount, want := range map[fuelAmount]string{0: "0", 1500: "1500", 2000: "2K", 2e9: "2G", 1e9 + 1e6: "1001M"} {
		if got := amount.String(); got != want {
			t.Errorf("%d is written %s", uint64(amount), got)
		}
	}
}
