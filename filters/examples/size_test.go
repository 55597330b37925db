package examples_test

import (
	"testing"

	"weir/filters/examples"
)

// most is how large the modules may be, in bytes: little more than they are, so that growing is a decision.
var most = map[string]int{
	"expr": 16_800, "geofence": 9900, "redact": 7500, "sample": 6600, "tags": 7500, "threshold": 6600, "viewport": 9300,
}

func TestModulesAreSmall(t *testing.T) {
	for _, example := range examples.All() {
		bound, ok := most[example.Name]
		if !ok {
			t.Errorf("%s has no bound", example.Name)
		}
		if size := len(example.Module); size > bound {
			t.Errorf("%s has %d bytes, more than %d", example.Name, size, bound)
		}
	}
}
