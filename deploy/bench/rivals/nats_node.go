package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsNode is a process with one nats-server, configured by a file as operators do.
func natsNode(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("nats-node wants its configuration file")
	}
	opts, err := server.ProcessConfigFile(args[0])
	if err != nil {
		return err
	}
	opts.NoLog, opts.NoSigs = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("nats-server does not get ready")
	}
	fmt.Println("ready")
	untilClosed(ctx, os.Stdin)
	return nil
}

// natsConfig is a node's configuration file.
func natsConfig(dir string, node int, clients, routes []string, sync string) string {
	interval := ""
	if sync == "always" {
		interval = "sync_interval: always"
	}
	others := ""
	for _, route := range routes {
		others += "\n    nats://" + route
	}
	return fmt.Sprintf(`server_name: n%d
listen: %s
jetstream { store_dir: %q, max_file_store: 8GB, %s }
cluster {
  name: rival
  listen: %s
  routes: [%s
  ]
}
`, node, clients[node], dir, interval, routes[node], others)
}
