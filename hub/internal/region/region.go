// Package region is what a data folder says about the node that it belongs to and about the region which that is a part
// of: the files node.json and region.json. Both are written once, before the node votes on anything.
package region

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weir/hub/internal/datadir"
)

const (
	nodeFile   = "node.json"
	regionFile = "region.json"
)

// A Node is who a data folder belongs to.
type Node struct {
	// Name is the node's, for good: its votes are counted under it.
	Name string `json:"name"`
	// Incarnation tells this folder from another of a node of the same name, as one made after the first was lost.
	Incarnation string `json:"incarnation"`
}

// A Region is what a node must know of its region before it takes part.
type Region struct {
	// ID tells regions apart.
	ID string `json:"id"`
	// Shards is how many there are, for the region's life.
	Shards int `json:"shards"`
	// Founders are the nodes that the region began with, by name. Their groups begin with them as voters.
	Founders []Founder `json:"founders"`
	// Joined is true for a node that came later: it waits for being let in. Known are the nodes that there were then.
	Joined bool      `json:"joined,omitempty"`
	Known  []Founder `json:"known,omitempty"`
	// Begun is true once all groups have begun here. From then on a group whose log is missing has lost its votes.
	Begun bool `json:"begun"`
}

// A Founder is one of the nodes that a region begins with.
type Founder struct {
	Node
	Mesh string `json:"mesh,omitempty"`
	Link string `json:"link,omitempty"`
	API  string `json:"api,omitempty"`
	// KeyID and KeySHA256 are of the operator's key that the node made.
	KeyID     string `json:"key_id"`
	KeySHA256 []byte `json:"key_sha256"`
}

// Errors that callers test.
var (
	ErrRenamed    = errors.New("the data folder belongs to a node of another name")
	ErrUnreadable = errors.New("the file can't be read")
)

// EnsureNode returns the folder's node, which it makes with that name if there is none yet.
func EnsureNode(dir, name string) (Node, error) {
	var n Node
	switch found, err := read(filepath.Join(dir, nodeFile), &n); {
	case err != nil:
		return n, err
	case !found:
		n = Node{Name: name, Incarnation: strings.ToLower(rand.Text())}
		return n, write(filepath.Join(dir, nodeFile), n)
	case n.Name != name:
		return n, fmt.Errorf("%w: %q, not %q", ErrRenamed, n.Name, name)
	}
	return n, nil
}

// Load returns the folder's region, and whether there is one.
func Load(dir string) (r Region, found bool, err error) {
	found, err = read(filepath.Join(dir, regionFile), &r)
	if found && (r.ID == "" || r.Shards < 1) {
		return r, false, fmt.Errorf("%s: %w: it names no region", filepath.Join(dir, regionFile), ErrUnreadable)
	}
	return r, found, err
}

// Save writes the folder's region, durably.
func (r Region) Save(dir string) error { return write(filepath.Join(dir, regionFile), r) }

// Found returns the region that the founders begin: the same one whoever of them asks, in whatever order they are given,
// and another one for nodes of the same names with other folders.
func Found(founders []Founder, shards int) Region {
	founders = slices.Clone(founders)
	slices.SortFunc(founders, func(a, b Founder) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, f := range founders {
		fmt.Fprintf(h, "%q %q\n", f.Name, f.Incarnation)
	}
	fmt.Fprintf(h, "%d shards\n", shards)
	return Region{ID: hex.EncodeToString(h.Sum(nil)[:8]), Shards: shards, Founders: founders}
}

// Founded reports whether a node is one of the region's founders, with the folder that it had then.
func (r Region) Founded(n Node) bool {
	return slices.ContainsFunc(r.Founders, func(f Founder) bool { return f.Node == n })
}

// Mesh returns where a node was reached when this one came, if it was there.
func (r Region) Mesh(node string) (addr string, ok bool) {
	for _, f := range slices.Concat(r.Known, r.Founders) {
		if f.Name == node && f.Mesh != "" {
			return f.Mesh, true
		}
	}
	return "", false
}

// Names lists the founders.
func (r Region) Names() []string {
	all := make([]string, 0, len(r.Founders))
	for _, f := range r.Founders {
		all = append(all, f.Name)
	}
	return all
}

func read(name string, into any) (found bool, err error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return false, fmt.Errorf("%s: %w: %w", name, ErrUnreadable, err)
	}
	return true, nil
}

func write(name string, value any) error {
	encoded, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return datadir.WriteFile(name, append(encoded, '\n'), 0o600)
}
