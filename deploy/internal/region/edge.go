package region

import (
	"context"
	"path/filepath"

	"weir/deploy/internal/server"
)

// An Edge is one that clients connect to.
type Edge struct {
	*server.Server
	Name string
	// URL is where sessions are. Its certificate is trusted by nobody.
	URL string
	Log *server.Tail
}

func (r *Region) startEdge(ctx context.Context, name string) error {
	dir := filepath.Join(r.cfg.Dir, name)
	if err := r.IssueEdge(ctx, name, dir); err != nil {
		return err
	}
	certificate, key, err := selfSigned(dir)
	if err != nil {
		return err
	}
	listen, err := server.FreeAddress()
	if err != nil {
		return err
	}
	admin, err := server.FreeAddress()
	if err != nil {
		return err
	}
	e := &Edge{Name: name, URL: "https://" + listen, Log: &server.Tail{}}
	args := []string{
		"edge", "--link-identity", dir, "--listen", listen, "--admin", admin, "--cert", certificate, "--key", key,
		"--data", filepath.Join(dir, "data"), "--drain", "0s",
	}
	for _, n := range r.Nodes {
		args = append(args, "--hub", n.reached.link)
	}
	e.Server = &server.Server{Binary: r.cfg.Binary, Args: args, Dir: r.cfg.Dir, Admin: admin, Log: e.Log}
	r.Edges = append(r.Edges, e)
	if err := e.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return e.Ready(ctx)
}

// IssueEdge makes a certificate for an edge, in dir.
func (r *Region) IssueEdge(ctx context.Context, name, dir string) error {
	_, err := r.Weir(ctx, "ca", "issue", "edge", name, "--dir", r.ca(), "--out", dir)
	return err
}
