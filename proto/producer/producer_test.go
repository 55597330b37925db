package producer_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/producer"
)

func TestNew(t *testing.T) {
	now := time.UnixMilli(1795000000000)
	noise := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}
	const want = "mwm0nk74-000102030405060708090a0b0c0d0eff"
	if got := producer.New(now, bytes.NewReader(noise)); got != want {
		t.Errorf("New = %q, want %q", got, want)
	}
	if first, second := producer.New(now, rand.Reader), producer.New(now, rand.Reader); first == second {
		t.Error("New grants one identity twice")
	}
}

func TestParseReadsWhatNewWrites(t *testing.T) {
	for _, now := range []time.Time{time.UnixMilli(0), time.UnixMilli(35), time.UnixMilli(1795000000123), time.UnixMilli(1<<63 - 1)} {
		id := producer.New(now, rand.Reader)
		if len(id) > producer.MaxLength {
			t.Errorf("%q is longer than MaxLength", id)
		}
		if issued, err := producer.Parse(id); err != nil || !issued.Equal(now) {
			t.Errorf("Parse(%q) = %v, %v, want %v", id, issued, err, now)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	noise := strings.Repeat("0f", 16)
	for _, id := range []string{
		"", "-", "m", noise, "-" + noise, "m-", "m-" + noise[1:], "m-" + noise + "0", "M-" + noise,
		"m-" + strings.ToUpper(noise), "m-" + strings.Repeat("0g", 16), "0m-" + noise, "+m-" + noise, "m_-" + noise,
		"-m-" + noise, " m-" + noise, "m--" + noise[1:], "zzzzzzzzzzzzz-" + noise, strings.Repeat("m", 1<<20),
	} {
		_, err := producer.Parse(id)
		f := fault.From(err)
		if f == nil || f.Code != fault.InvalidArgument || f.Hint == "" {
			t.Errorf("Parse(%.60q) = %v, want invalid_argument with a hint", id, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("mwm0nk74-000102030405060708090a0b0c0d0eff")
	f.Add("0-" + strings.Repeat("0", 32))
	f.Add("-")
	f.Fuzz(func(t *testing.T, id string) {
		issued, err := producer.Parse(id)
		if err != nil {
			return
		}
		// One spelling each: two ids that parse alike are alike.
		_, noise, _ := strings.Cut(id, "-")
		again := producer.New(issued, bytes.NewReader(unhex(noise)))
		if again != id {
			t.Errorf("Parse(%q) reads what New writes as %q", id, again)
		}
	})
}

func unhex(s string) []byte {
	const digits = "0123456789abcdef"
	out := make([]byte, len(s)/2)
	for i := range out {
		out[i] = byte(strings.IndexByte(digits, s[2*i])<<4 | strings.IndexByte(digits, s[2*i+1]))
	}
	return out
}
