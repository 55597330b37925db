package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A Dev is a `weir dev` with its data, which can be killed and started again at the same addresses.
type Dev struct {
	*Server
	// HTTP and Listen are its addresses for pages and for sessions.
	HTTP, Listen string
}

// DevInfo is what `weir dev` records for the tools beside it.
type DevInfo struct {
	Edge        string `json:"edge"`
	API         string `json:"api"`
	Token       string `json:"token"`
	AdminKey    string `json:"admin_key"`
	Certificate string `json:"certificate"`
	// SigningKeyFile is the private key that signs users' tokens.
	SigningKeyFile string `json:"signing_key_file"`
}

// NewDev returns a `weir dev` that is not started yet, on free ports of 127.0.0.1 and with its data in dir.
func NewDev(binary, dir string, log io.Writer, flags ...string) (*Dev, error) {
	var free [3]string
	for i := range free {
		var err error
		if free[i], err = FreeAddress(); err != nil {
			return nil, err
		}
	}
	d := &Dev{HTTP: free[0], Listen: free[1]}
	args := append([]string{"dev", "--data", dir, "--http", d.HTTP, "--listen", d.Listen, "--admin", free[2]}, flags...)
	d.Server = &Server{Binary: binary, Args: args, Dir: dir, Admin: free[2], Log: log}
	return d, nil
}

// Begin starts it and waits until it is ready.
func (d *Dev) Begin(ctx context.Context) error {
	if err := d.Start(); err != nil {
		return err
	}
	return d.Ready(ctx)
}

// Info reads what the running server has recorded.
func (d *Dev) Info() (DevInfo, error) {
	var info DevInfo
	data, err := os.ReadFile(filepath.Join(d.Dir, "dev.json"))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("dev.json: %w", err)
	}
	return info, nil
}
