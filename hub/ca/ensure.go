package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// ensuredLife is long because nothing carries a certificate that a hub has made to its edges but an operator.
	ensuredLife = 5 * 365 * 24 * time.Hour
	// renewBefore is when Ensure makes a certificate anew.
	renewBefore = 90 * 24 * time.Hour
)

// Ensure makes in dir what is missing of the identity of the hub called node: an authority of the region's own, a
// certificate for the hub, and one for an edge called "edge", for those who run one of each. A certificate that ends within
// 90 days, or is for another name, is made anew. What is good stays. Without the authority's key in dir, what is there must
// be enough.
func Ensure(dir, node string, now time.Time, log *slog.Logger) error {
	if err := CheckNode(node); err != nil {
		return err
	}
	if err := ensureAuthority(dir, now, log); err != nil {
		return err
	}
	keyGone, err := missing(dir, FileCAKey)
	if err != nil {
		return err
	}
	if keyGone {
		return checkHub(dir, node)
	}
	authority, err := Load(dir)
	if err != nil {
		return err
	}
	for _, name := range []Name{{Hub, node}, {Edge, "edge"}} {
		if err := authority.ensure(name, now, log); err != nil {
			return err
		}
	}
	return nil
}

func missing(dir, file string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// ensureAuthority makes an authority where there is nothing at all: a new one where certificates of another are would
// lock out everybody who has those.
func ensureAuthority(dir string, now time.Time, log *slog.Logger) error {
	gone, err := missing(dir, FileCA)
	if err != nil || !gone {
		return err
	}
	for _, role := range []Role{Hub, Edge} {
		if gone, err := missing(dir, CertificateFile(role)); err != nil || !gone {
			return errors.Join(err, &Error{
				Message: fmt.Sprintf("%s is missing in %s but %s is there", FileCA, dir, CertificateFile(role)),
				Hint:    "restore " + FileCA + ", or remove the folder and give all edges new certificates", cause: fs.ErrNotExist,
			})
		}
	}
	log.Info("making a certificate authority for this region", "folder", dir)
	_, err = Create(dir, now)
	return err
}

// checkHub makes sure that the certificate that an operator has put there is this node's.
func checkHub(dir, node string) error {
	path := filepath.Join(dir, CertificateFile(Hub))
	certificates, err := readCertificates(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{
			Message: fmt.Sprintf("%s is missing in %s, and so is %s to make it", CertificateFile(Hub), dir, FileCAKey), cause: err,
			Hint: fmt.Sprintf(`make it with "weir ca issue hub %s --out DIR" where the authority is`, node),
		}
	}
	if err != nil {
		return err
	}
	name, err := NameOf(certificates[0])
	if want := (Name{Hub, node}); err == nil && name != want {
		err = &Error{
			Message: fmt.Sprintf("%s is for %s, where %s is needed", path, name, want), cause: ErrNode,
			Hint: fmt.Sprintf(`is --node-id right? "weir ca issue hub %s --out DIR" makes another`, node),
		}
	}
	return err
}

// ensure makes a certificate in the authority's own folder, unless there is a good one.
func (a *Authority) ensure(name Name, now time.Time, log *slog.Logger) error {
	gone, err := missing(a.dir, CertificateFile(name.Role))
	if err != nil {
		return err
	}
	if !gone {
		good, err := a.isGood(name, now)
		if err != nil || good {
			return err
		}
	}
	log.Info("making a certificate", "name", name.String(), "folder", a.dir)
	_, err = a.Issue(a.dir, Request{Name: name, Life: ensuredLife}, now)
	return err
}

func (a *Authority) isGood(name Name, now time.Time) (bool, error) {
	cfg := Config{Dir: a.dir, Role: name.Role}
	files, err := (&Identity{cfg: cfg}).read()
	if err != nil {
		return false, err
	}
	m, err := parse(files, cfg, now)
	if errors.Is(err, ErrRole) { // made before certificates had names
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// An edge in this folder may have been given a name by "weir ca issue".
	right := m.name.Node == name.Node || name.Role == Edge
	return right && m.certificate.Leaf.NotAfter.Sub(now) > renewBefore, nil
}
