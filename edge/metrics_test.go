package edge

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"weir/edge/internal/metrics"
)

// A catalogue is a Registerer that lists what is registered, as "name labels".
type catalogue struct{ found []string }

var described = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

func (c *catalogue) Register(collector prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc, 16)
	collector.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		m := described.FindStringSubmatch(d.String())
		c.found = append(c.found, strings.TrimSpace(m[1]+" "+m[2]))
	}
	return nil
}

func (c *catalogue) MustRegister(...prometheus.Collector) {}
func (c *catalogue) Unregister(prometheus.Collector) bool { return false }

func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(weir_[a-z_]+)` \\| (?:gauge|counter|histogram) \\| ([a-z, ]*?) ?\\| [^|]+ \\|$")
	var documented []string
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, strings.TrimSpace(m[1]+" "+m[2]))
	}
	var c catalogue
	if _, err := metrics.New(&c); err != nil {
		t.Fatal(err)
	}
	slices.Sort(documented)
	slices.Sort(c.found)
	if !slices.Equal(documented, c.found) {
		t.Errorf("METRICS.md has\n%s\nthe registry has\n%s", strings.Join(documented, "\n"), strings.Join(c.found, "\n"))
	}
}
