package examples_test

import (
	"testing"

	"weir/filters/examples"
)

// most is how large the modules may be, in bytes: little more than they are, so that growing is a decision.
var most = map[string]int{
	"expr": 19_400, "geofence": 9900, "redact": 7400, "sample": 6500, "tags": 7300, "threshold": 6600, "viewport": 9200,
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
