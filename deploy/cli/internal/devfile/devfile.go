// Package devfile is how the tools beside a running "weir dev" find it: a file in its data folder with its addresses
// and keys, and a pointer to that file where it was started.
package devfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// Name of the file in the data folder.
	Name = "dev.json"
	// DefaultData is the data folder where none is named.
	DefaultData = "weir-data"
	// pointerName is the file in the working directory that names a data folder elsewhere.
	pointerName = ".weir-dev"
)

// ErrNotFound is returned where no "weir dev" is known.
var ErrNotFound = errors.New("no weir dev was started here")

// An Info is what the file holds.
type Info struct {
	// Edge is the URL for sessions, "https://127.0.0.1:8443".
	Edge string `json:"edge"`
	// API is the URL of the server API, by plain HTTP on the loopback interface.
	API string `json:"api"`
	// Page is what to open in a browser.
	Page string `json:"page"`
	// Admin is the URL of the private address: health, metrics and profiles.
	Admin string `json:"admin"`
	// Tenant that the token is for.
	Tenant string `json:"tenant"`
	// Token lets a user subscribe and publish everywhere in the tenant. It is replaced before it expires.
	Token string `json:"token"`
	// AdminKey is an operator's API key.
	AdminKey string `json:"admin_key"`
	// Certificate is the PEM of the authority that the edge's certificate can be verified with.
	Certificate string `json:"certificate"`
	// SigningKeyFile is the private key that signs users' tokens, a JSON Web Key.
	SigningKeyFile string `json:"signing_key_file"`
	// PID of the process.
	PID int `json:"pid"`

	// Path of the file that was read.
	Path string `json:"-"`
}

// Write replaces the file in the data folder. Only the user may read it.
func Write(data string, info Info) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(data, Name), append(text, '\n'))
}

// Remove deletes the file, so that nobody takes a stopped server for a running one.
func Remove(data string) error {
	err := os.Remove(filepath.Join(data, Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Point makes Find, called in dir or below, find the data folder. It returns what undoes that. Nothing is written where
// Find looks anyway.
func Point(dir, data string) (undo func() error, err error) {
	nothing := func() error { return nil }
	data, err = filepath.Abs(data)
	if err != nil {
		return nothing, err
	}
	if data == dir || data == filepath.Join(dir, DefaultData) {
		return nothing, nil
	}
	path := filepath.Join(dir, pointerName)
	if err := replace(path, []byte(data+"\n")); err != nil {
		return nothing, err
	}
	return func() error {
		if text, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(text)) != data {
			return err // another server was started here since
		}
		return os.Remove(path)
	}, nil
}

// replace writes a file that only the user may read, in one step.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Find looks for the file in dir, in the data folder in dir, and where the pointer in dir points to; then in the folders
// above. Files of other users are passed over: they could name a server that collects what is meant for ours. The error
// is ErrNotFound, or says what is wrong with a file that is there.
func Find(dir string) (Info, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Info{}, err
	}
	for {
		for _, data := range candidates(dir) {
			info, err := Read(data)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return info, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Info{}, ErrNotFound
		}
		dir = parent
	}
}

func candidates(dir string) []string {
	data := []string{dir, filepath.Join(dir, DefaultData)}
	pointer := filepath.Join(dir, pointerName)
	if checkOwner(pointer) != nil {
		return data
	}
	text, err := os.ReadFile(pointer)
	if err != nil {
		return data
	}
	return append(data, strings.TrimSpace(string(text)))
}

// Read reads the file in a data folder. It returns fs.ErrNotExist also for a file that is not ours.
func Read(data string) (Info, error) {
	path := filepath.Join(data, Name)
	if err := checkOwner(path); err != nil {
		return Info{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Info{}, err
	}
	info := Info{Path: path}
	if err := json.Unmarshal(text, &info); err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	if info.Edge == "" || info.API == "" {
		// Some other program's dev.json.
		return Info{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return info, nil
}

// CurrentToken returns the token that the file holds now: a long-lived session needs a newer one in time. When the
// file can't be read, because the server is just being restarted, it returns the last known.
func (i Info) CurrentToken(context.Context) (string, error) {
	if now, err := Read(filepath.Dir(i.Path)); err == nil {
		return now.Token, nil
	}
	return i.Token, nil
}
