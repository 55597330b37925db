package cli

import (
	"strings"
	"time"

	"weir/proto/weirpb"
)

// namespaceView is a namespace in JSON. A setting of 0 is the default.
type namespaceView struct {
	Tenant          string `json:"tenant"`
	Name            string `json:"name"`
	Kind            string `json:"kind"`
	WindowAge       string `json:"window_age"`
	WindowBytes     uint64 `json:"window_bytes"`
	WindowCount     uint64 `json:"window_count"`
	PayloadBytes    uint32 `json:"payload_bytes"`
	Keys            uint32 `json:"keys"`
	DedupeAge       string `json:"dedupe_age"`
	OnFilterFailure string `json:"on_filter_failure"`
	Created         string `json:"created"`
}

func viewNamespace(n *weirpb.Namespace) namespaceView {
	return namespaceView{
		Tenant:          n.GetTenant(),
		Name:            n.GetName(),
		Kind:            kindName(n.GetKind()),
		WindowAge:       (time.Duration(n.GetWindowAgeMs()) * time.Millisecond).String(),
		WindowBytes:     n.GetWindowBytes(),
		WindowCount:     n.GetWindowCount(),
		PayloadBytes:    n.GetPayloadBytes(),
		Keys:            n.GetKeys(),
		DedupeAge:       (time.Duration(n.GetDedupeAgeMs()) * time.Millisecond).String(),
		OnFilterFailure: policyName(n.GetOnFilterFailure()),
		Created:         timestamp(n.GetCreatedMs()),
	}
}

func kindName(k weirpb.ChannelKind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "CHANNEL_KIND_"))
}

func policyName(p weirpb.FailurePolicy) string {
	if p == weirpb.FailurePolicy_FAILURE_POLICY_UNSPECIFIED {
		p = weirpb.FailurePolicy_FAILURE_POLICY_CLOSED
	}
	name := strings.TrimPrefix(p.String(), "FAILURE_POLICY_")
	return strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}
