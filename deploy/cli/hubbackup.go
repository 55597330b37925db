package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/api"
	"weir/hub/backup"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// hubBackup is "weir hub backup".
type hubBackup struct {
	Take   hubBackupTake   `cmd:"" default:"withargs" help:"Take a backup of a region. \"weir hub backup\" alone does the same."`
	Verify hubBackupVerify `cmd:"" help:"Check a backup, without a hub."`
}

func (hubBackup) Help() string {
	return `Writes everything that a region keeps to one file while it goes on: tenants with their keys and filters, and of each
channel the window, the latest event per key, and what retries are recognised by. Any node can be asked; of each group the
backup has at least what had been acknowledged when it was begun. All of it is checked while it is written.

The file, which only its owner may read, has no private keys of certificates, but it has signing keys, of which those of
HS256 are secrets that make tokens, and hashes of API keys. Keep it as you keep a hub's data folder.

Examples:

    weir hub backup --out weir-$(date +%F).backup --api https://10.0.0.1:8444 --api-key "$(cat admin.key)"
    weir hub backup --out - | ssh vault 'cat > weir.backup'
    weir hub backup verify weir-2026-11-22.backup
    weir hub restore weir-2026-11-22.backup --data /var/lib/weir`
}

type hubBackupTake struct {
	Out  string `required:"" help:"File to write, which must not exist; - for standard output." placeholder:"FILE"`
	JSON bool   `help:"Print JSON: what the backup has."`
	apiTarget
}

func (hubBackupTake) Help() string {
	return `Any node can be asked. The file is kept like a hub's data folder: it has secrets that make tokens.

Examples:

    weir hub backup take --out weir-$(date +%F).backup --api https://10.0.0.1:8444 --api-key "$(cat admin.key)"
    weir hub backup take --out - | ssh vault 'cat > weir.backup'`
}

func (c *hubBackupTake) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	if c.Out == "-" {
		if con.outTerminal {
			return usagef("give --out FILE, or a pipe", "a backup is nothing for a terminal")
		}
		m, err := client.backup(ctx, con, con.out)
		if err != nil {
			return err
		}
		fmt.Fprintf(con.err, "%s\n", summary(m))
		return nil
	}
	m, err := c.toFile(ctx, con, client)
	if err != nil {
		return err
	}
	if c.JSON {
		return con.printJSON(m)
	}
	return printManifest(con, m)
}

// toFile writes the file beside its place, and moves it there when it is whole.
func (c *hubBackupTake) toFile(ctx context.Context, con *console, client *apiClient) (_ *backup.Manifest, err error) {
	if _, err := os.Lstat(c.Out); !errors.Is(err, os.ErrNotExist) {
		return nil, usagef("choose another name", "there is something at %s already", c.Out)
	}
	f, err := os.CreateTemp(filepath.Dir(c.Out), filepath.Base(c.Out)+".*.part") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	m, err := client.backup(ctx, con, f)
	if err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	if err := os.Rename(f.Name(), c.Out); err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	return m, f.Close()
}

// backupPatience is how long a backup may bring nothing: a node has gone, or waits for a group that has no leader. All of it may
// take as long as it takes.
const backupPatience = time.Minute

// backup copies an archive to w and checks it on its way.
func (c *apiClient) backup(ctx context.Context, con *console, w io.Writer) (*backup.Manifest, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.url, "/")+api.BackupPath, nil)
	if err != nil {
		return nil, err
	}
	unhurried := *c.http
	unhurried.Timeout = 0
	coming, stop := newStallReader(nil, backupPatience, giveUp)
	defer stop()
	response, err := unhurried.Do(request)
	if err != nil {
		return nil, c.explain(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, refusedBackup(response)
	}
	coming.from = response.Body
	p := newProgress(con, io.TeeReader(coming, w))
	defer p.end()
	m, err := backup.Verify(p, nil)
	if why := context.Cause(ctx); err != nil && errors.Is(why, context.DeadlineExceeded) {
		return nil, fault.New(fault.Unavailable, "the backup is given up: %v", why).
			WithHint("weir hub status tells which node or group does not answer; another node may be asked with --api").WithCause(why)
	}
	if err != nil {
		return nil, explainArchive(err, "take another one")
	}
	return m, nil
}

// maxRefusal bounds what is read of a refusal, in bytes.
const maxRefusal = 64 << 10

// refusedBackup returns why a hub does not write a backup: Connect's JSON, whose detail is the fault.
func refusedBackup(response *http.Response) error {
	var refusal struct {
		Message string
		Details []struct{ Value string }
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, &refusal); err != nil || refusal.Message == "" {
		return failf("is --api the address of a hub's server API?", "the server answers %s", response.Status)
	}
	for _, d := range refusal.Details {
		encoded, err := base64.RawStdEncoding.DecodeString(d.Value)
		f := &weirpb.Fault{}
		if err == nil && proto.Unmarshal(encoded, f) == nil {
			return fault.FromProto(f)
		}
	}
	return errors.New(refusal.Message)
}

// explainArchive adds to an error what to do about it.
func explainArchive(err error, damaged string) error {
	switch {
	case errors.Is(err, backup.ErrTooNew):
		return failf("use the version of weir that made it, or a later one", "%w", err)
	case errors.Is(err, backup.ErrNoArchive):
		return failf("\"weir hub backup\" makes backups", "%w", err)
	case errors.Is(err, backup.ErrTruncated), errors.Is(err, backup.ErrDamaged):
		return failf(damaged, "%w", err)
	}
	return err
}

// progressEvery is how often a person is told how far it is.
const progressEvery = 200 * time.Millisecond

// A progress tells a person at a terminal how much has been read.
type progress struct {
	con   *console
	from  io.Reader
	bytes int64
	begun time.Time
	told  time.Time
}

func newProgress(con *console, from io.Reader) *progress {
	return &progress{con: con, from: from, begun: time.Now()}
}

// Read reads on.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.bytes += int64(n)
	if now := time.Now(); p.con.errTerminal && now.Sub(p.told) >= progressEvery {
		p.told = now
		const mib = 1 << 20
		rate := float64(p.bytes) / mib / max(now.Sub(p.begun).Seconds(), 0.001)
		fmt.Fprintf(p.con.err, "\r\x1b[K%.1f MiB, %.1f MiB/s", float64(p.bytes)/mib, rate) // ECMA-48: erase in line
	}
	return n, err
}

// end takes the line away.
func (p *progress) end() {
	if !p.told.IsZero() {
		fmt.Fprint(p.con.err, "\r\x1b[K")
	}
}
