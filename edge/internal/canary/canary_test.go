package canary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"weir/edge/internal/fakehub"
	"weir/edge/internal/metrics"
	"weir/edge/internal/mirror"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a watch over a hub in memory. It is the hub's side of ending canaries, too.
type rig struct {
	*Watch
	hub   *fakehub.Hub
	m     *metrics.Metrics
	told  []string // what Ended and EndCanary were told, in order
	fails bool     // EndCanary does
}

func (r *rig) EndCanary(_ context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	r.told = append(r.told, fmt.Sprint("end ", tenant, " ", filter, " ", version, " since ", sinceMs))
	if r.fails {
		return errors.New("the hub is away")
	}
	return nil
}

func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		m, err := metrics.New(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))
		r := &rig{hub: fakehub.New(), m: m}
		states := mirror.New(r.hub, log, m)
		r.Watch = Start(Config{
			State: states.State, Ender: r, Logger: log, Metrics: m,
			Ended: func(tenant string) { r.told = append(r.told, "ended "+tenant) },
		})
		states.Start(r.Forget)
		defer states.Close()
		defer r.Close()
		f(t, r)
	})
}

// put gives version 2 of acme's filter f a role.
func (r *rig) put(role weirpb.FilterRole, sinceMs int64) *weirpb.FilterVersion {
	digest := sha256.Sum256([]byte("module"))
	v := &weirpb.FilterVersion{Tenant: "acme", Name: "f", Version: 2, Digest: digest[:], Role: role, RoleSinceMs: sinceMs}
	r.hub.Put(v)
	synctest.Wait()
	return v
}

const canaryRole = weirpb.FilterRole_FILTER_ROLE_CANARY

func TestFailedCanaryIsEndedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		v := r.put(canaryRole, 7)
		for range 3 {
			r.Suspended(idOf(v))
			synctest.Wait()
		}
		if got := fmt.Sprint(r.told); got != "[ended acme end acme f 2 since 7]" || !r.Failed(v) {
			t.Errorf("told %s; failed: %t", got, r.Failed(v))
		}
		if n := testutil.ToFloat64(r.m.CanaryFailures.WithLabelValues("acme")); n != 1 {
			t.Errorf("%v canaries are counted", n)
		}
	})
}

func TestLaterTrialOfTheSameVersionIsAnother(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.fails = true // it has ended here nevertheless
		first := r.put(canaryRole, 7)
		r.Suspended(idOf(first))
		synctest.Wait()
		if !r.Failed(first) {
			t.Error("the first trial has not failed")
		}
		if again := r.put(canaryRole, 8); r.Failed(again) {
			t.Error("the later trial has failed")
		}
		if len(r.failed) != 0 {
			t.Errorf("the first trial is remembered: %v", r.failed)
		}
	})
}

func TestOnlyCanariesEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, role := range []weirpb.FilterRole{
			weirpb.FilterRole_FILTER_ROLE_LIVE, weirpb.FilterRole_FILTER_ROLE_SHADOW, weirpb.FilterRole_FILTER_ROLE_SUPERSEDED,
		} {
			v := r.put(role, 7)
			r.Suspended(idOf(v))
			synctest.Wait()
			if r.Failed(v) || len(r.told) != 0 {
				t.Errorf("%v has been ended: %v", role, r.told)
			}
		}
	})
}
