package cli

import (
	"errors"
	"time"

	"weir/hub/ca"
)

// caCommands is "weir ca".
type caCommands struct {
	Init   caInit   `cmd:"" help:"Make a region's certificate authority."`
	Issue  caIssue  `cmd:"" help:"Make a certificate for a hub node or an edge."`
	Rotate caRotate `cmd:"" help:"Replace the authority, without an interruption."`
	Status caStatus `cmd:"" help:"List what expires when."`
}

func (caCommands) Help() string {
	return `Hub nodes and edges of a region know each other by certificates of an authority of its own. It is a folder on an
operator's machine. Each node gets a folder with three files: ca.pem, and a certificate with its key, hub.pem and
hub-key.pem or edge.pem and edge-key.pem. Hubs and edges that run notice within 5 s when these change, and keep their
connections. A hub that is alone needs none of this: it is its own authority, in the folder link of its data folder.

Examples:

    weir ca init --dir ca
    weir ca issue hub hub-1 --dir ca --out hub-1/link
    weir ca issue edge edge-fra-1 --dir ca --out edge-fra-1/link
    weir ca status --dir ca
    weir ca rotate begin --dir ca`
}

// caFolder names the authority's folder.
type caFolder struct {
	Dir string `help:"Folder of the authority." default:"weir-ca" type:"path" env:"WEIR_CA_DIR" placeholder:"DIR"`
}

// explainCA tells a certificate's trouble with its hint.
func explainCA(err error) error {
	var e *ca.Error
	if errors.As(err, &e) {
		return failf(e.Hint, "%s", e.Message)
	}
	return err
}

func daysLeft(end, now time.Time) int { return int(end.Sub(now).Hours() / 24) }
