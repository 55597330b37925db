// Package inspect has the filter engine validate what is uploaded to a hub, within what its tenant may have.
package inspect

import (
	"context"
	"errors"
	"time"

	"weir/filters"
	"weir/hub"
	"weir/proto/fault"
)

// Compiling is how much of a hub's processor the uploads of one tenant may take: a few large modules at once, and a tenth of a
// processor in the long run. A module of Go takes some 2 s, the worst that is accepted some 10 s.
var Compiling = filters.Compiling{Share: 0.1, Burst: 30 * time.Second}

// Upload validates a module and says what it exports beyond the necessary. Its errors are or wrap *fault.Fault; where a limit
// is in the way they name the command that raises it.
func Upload(ctx context.Context, engine *filters.Engine, u *hub.Upload) ([]string, error) {
	bounds := &filters.Bounds{}
	bounds.Set(filters.Limits{MemoryPages: u.TenantPages}, filters.Limits{MemoryPages: u.FilterPages})
	manifest, err := engine.InspectFor(ctx, u.Module, filters.Terms{Owner: u.Tenant, Bounds: bounds})
	if err == nil {
		return manifest.Abilities, nil
	}
	return nil, raised(err, u)
}

// raised adds the command that raises the limit on memory to an error that is about it.
func raised(err error, u *hub.Upload) error {
	memory, ok := errors.AsType[*filters.MemoryError](err)
	if !ok || memory.Needs > memory.Most {
		return err
	}
	f := fault.From(err)
	lower := ""
	if memory.Declared {
		lower = "leave the maximum out or lower it; "
	}
	switch {
	case u.FilterPages == memory.May && memory.Tenants < memory.Needs:
		return f.WithHint("%sweir filter limits %s --memory-pages %d; operators first: weir tenant limits %s --memory-pages %d",
			lower, u.Filter, memory.Needs, u.Tenant, memory.Needs)
	case u.FilterPages == memory.May:
		return f.WithHint("%sweir filter limits %s --memory-pages %d", lower, u.Filter, memory.Needs)
	}
	return f.WithHint("%soperators: weir tenant limits %s --memory-pages %d", lower, u.Tenant, memory.Needs)
}
