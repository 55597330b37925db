package browser_test

import (
	"os/exec"
	"testing"
)

// TestSDK runs the unit tests of the TypeScript sources.
func TestSDK(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: the SDK's unit tests need %s: %v", tool, err)
		}
	}
	if testing.Short() {
		t.Skip("SKIPPED: the SDK's unit tests take several seconds")
	}
	output, err := exec.CommandContext(t.Context(), "./test.sh").CombinedOutput()
	if err != nil {
		t.Fatalf("test.sh: %v\n%s", err, output)
	}
}
