package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"weir/deploy/cli/internal/devfile"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// adminTarget are the flags of commands that ask an edge on its private address.
type adminTarget struct {
	Admin  string `help:"URL of the edge's private address. In the folder of a running \"weir dev\": that one." env:"WEIR_ADMIN_URL" placeholder:"URL"`
	Tenant string `help:"Tenant to ask about." env:"WEIR_TENANT" placeholder:"NAME"`
}

// An edgeAdmin asks one edge.
type edgeAdmin struct {
	url, tenant string
	dev         devfile.Info
}

func (t *adminTarget) resolve() (*edgeAdmin, error) {
	admin := &edgeAdmin{url: t.Admin, tenant: t.Tenant}
	if t.Admin == "" {
		dev, err := findDev("--admin and --tenant")
		if err != nil {
			return nil, err
		}
		admin.url, admin.dev = dev.Admin, dev
	}
	admin.tenant = firstNonEmpty(t.Tenant, admin.dev.Tenant)
	if admin.tenant == "" {
		return nil, usagef("give --tenant or WEIR_TENANT", "don't know which tenant to ask about")
	}
	if u, err := url.Parse(admin.url); err != nil || u.Host == "" {
		return nil, usagef("as in http://127.0.0.1:8447", "%q is no URL of an edge's private address", admin.url)
	}
	return admin, nil
}

// get asks for something; the answer's body is to be closed.
func (a *edgeAdmin) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	query.Set("tenant", a.tenant)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.url, "/")+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return nil, failf("check --admin, and that the edge is running", "can't reach the edge at %s: %w", a.url, dial.Err)
	}
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		const most = 4 << 10 // of what an error page says
		text, _ := io.ReadAll(io.LimitReader(response.Body, most))
		refused := &weirpb.Fault{}
		if response.Header.Get("Content-Type") == "application/json" && protojson.Unmarshal(text, refused) == nil {
			return nil, fault.FromProto(refused)
		}
		return nil, failf("--admin names the private address of an edge", "%s answers: %s", a.url,
			fmt.Sprint(response.Status, ": ", printable(strings.TrimSpace(string(text)))))
	}
	return response.Body, nil
}

// explain asks the edge to explain an event to a subscription, and reads the answer into x.
func (a *edgeAdmin) explain(ctx context.Context, subscription string, at *weirpb.Cursor, x *weirpb.Explanation) error {
	body, err := a.get(ctx, "/subscriptions/explain", url.Values{
		"subscription": {subscription}, "epoch": {fmt.Sprint(at.GetEpoch())}, "offset": {fmt.Sprint(at.GetOffset())},
	})
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxExplanation))
	if err == nil {
		err = protojson.Unmarshal(text, x)
	}
	if err != nil {
		return fmt.Errorf("the edge's answer can't be read: %w", err)
	}
	return nil
}

// maxExplanation is the longest explanation that is read, in bytes: in JSON, several times that of a frame.
const maxExplanation = 8 << 20
