package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"weir/hub/backup"
)

// hubBackupVerify is "weir hub backup verify".
type hubBackupVerify struct {
	File     string `arg:"" help:"The backup; - for standard input."`
	Channels bool   `help:"Print each channel with its epoch and offsets as well, a JSON object a line."`
	JSON     bool   `help:"Print JSON."`
}

func (hubBackupVerify) Help() string {
	return `Reads the whole file and checks it: the checksums of its parts and of each row, that there are as many as it says, that
offsets have no gaps, and that everything is there by which retries are recognised. "index" is the entry of a group's log up
to which the backup has it.

Examples:

    weir hub backup verify weir-2026-11-22.backup
    weir hub backup verify weir-2026-11-22.backup --channels | jq 'select(.name == "chat")'`
}

// channelView is a channel of a backup in JSON.
type channelView struct {
	Group       uint32 `json:"group"`
	TenantID    uint64 `json:"tenant_id"`
	Name        string `json:"name"`
	Epoch       uint64 `json:"epoch"`
	FirstOffset uint64 `json:"first_offset"`
	NextOffset  uint64 `json:"next_offset"`
}

func (c *hubBackupVerify) Run(ctx context.Context, con *console) error {
	from, closeFile, err := openArchive(ctx, con, c.File)
	if err != nil {
		return err
	}
	defer closeFile()
	var tell func(backup.Channel)
	var failed error
	if c.Channels {
		tell = func(ch backup.Channel) {
			if failed == nil {
				failed = con.printJSON(channelView(ch))
			}
		}
	}
	p := newProgress(con, from)
	m, err := backup.Verify(p, tell)
	p.end()
	switch {
	case err != nil:
		return explainArchive(err, "use another backup")
	case failed != nil && !isClosedOutput(failed):
		return failed
	case c.Channels && !c.JSON:
		return nil
	case c.JSON:
		return con.printJSON(m)
	}
	return printManifest(con, m)
}

// openArchive opens a backup for reading until ctx ends.
func openArchive(ctx context.Context, con *console, name string) (from io.Reader, closeFile func(), err error) {
	if name == "-" {
		return &interruptible{ctx, con.in}, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, usagef("", "can't read the backup: %w", err)
	}
	return &interruptible{ctx, f}, func() { _ = f.Close() }, nil // it was only read
}

// interruptible ends with a context.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

// Read reads on.
func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}

// summary says in a line what a backup has.
func summary(m *backup.Manifest) string {
	return fmt.Sprintf("backup of region %s, begun %s by %s: %d events, complete and right",
		printable(m.Region), timestamp(m.MadeMs), printable(m.Node), m.Events())
}

// printManifest prints what a backup has.
func printManifest(con *console, m *backup.Manifest) error {
	if _, err := fmt.Fprintf(con.out, "%s\nsha256 %s, of all before the manifest\n\n", summary(m), m.SHA256); err != nil {
		return err
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	var rows [][]string
	for _, g := range m.Groups {
		newest := "-"
		if g.NewestMs != 0 {
			newest = timestamp(g.NewestMs)
		}
		rows = append(rows, []string{
			number(uint64(g.Group)), number(g.Index), number(g.Term), number(g.Bytes), number(g.Channels), number(g.Events),
			number(g.Keys), number(g.Producers), newest,
		})
	}
	return con.printTable("no groups",
		[]string{"GROUP", "INDEX", "TERM", "BYTES", "CHANNELS", "EVENTS", "KEYS", "PRODUCERS", "NEWEST EVENT"}, rows)
}
