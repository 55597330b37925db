package apikey_test

import (
	"errors"
	"strings"
	"testing"

	"weir/hub/internal/apikey"
	"weir/proto/fault"
)

func TestKeysAreReadAsWritten(t *testing.T) {
	k := apikey.New()
	again, err := apikey.Parse(k.String())
	if err != nil || again != k || !again.Matches(k.Hash()) {
		t.Errorf("%v, %v", again == k, err)
	}
	other := apikey.New()
	if other.ID == k.ID || other.Matches(k.Hash()) || k.Matches(nil) {
		t.Error("another key will do")
	}
}

func FuzzParse(f *testing.F) {
	whole := apikey.New().String()
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add("wk__")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := apikey.Parse(s)
		if err != nil {
			if !errors.Is(err, fault.New(fault.Unauthenticated, "")) || len(s) > 20 && strings.Contains(err.Error(), s) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if k.String() != s {
			t.Errorf("%q is read as %q", s, k.String())
		}
	})
}
