package ca

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// issuedFolder, in the authority's, has the last certificate that was issued for each name. They are not secret; they
// tell what expires when, and who has none of a new authority yet.
const issuedFolder = "issued"

// record remembers a certificate that has been issued.
func (a *Authority) record(name Name, certificate *x509.Certificate) error {
	dir := filepath.Join(a.dir, issuedFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of issued certificates: %w", err)
	}
	return replace(filepath.Join(dir, recordFile(name)), encodeCertificates(certificate), 0o644)
}

func recordFile(name Name) string { return string(name.Role) + "." + name.Node + ".pem" }

// A Record is a certificate that a folder knows of.
type Record struct {
	Name        string // weir://hub/hub-1, or what an authority is called
	File        string // where it is
	Authority   bool   // it is one, not that of a node
	Current     bool   // it issues, or was made by the authority that does
	Certificate *x509.Certificate
}

// Records returns what the folder dir, of an authority or of a node, has: authorities first, then certificates by name.
func Records(dir string) ([]Record, error) {
	path := filepath.Join(dir, FileCA)
	authorities, err := readCertificates(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = &Error{Message: "there are no certificates in " + dir, Hint: "--dir names the folder of the authority, or of a node", cause: err}
		}
		return nil, err
	}
	var all []Record
	for i, c := range authorities {
		all = append(all, Record{Name: subject(c), File: path, Authority: true, Current: i == 0, Certificate: c})
	}
	issued, err := filepath.Glob(filepath.Join(dir, issuedFolder, "*.pem"))
	if err != nil {
		return nil, err
	}
	slices.Sort(issued)
	for _, path := range append(ownFiles(dir, issued), issued...) {
		certificates, err := readCertificates(path)
		if err != nil {
			return nil, err
		}
		c := certificates[0]
		all = append(all, Record{Name: subject(c), File: path, Current: c.CheckSignatureFrom(authorities[0]) == nil, Certificate: c})
	}
	return all, nil
}

// ownFiles returns a node's certificates in dir. Those that an authority has issued there are known already.
func ownFiles(dir string, issued []string) (found []string) {
	for _, role := range []Role{Hub, Edge} {
		path := filepath.Join(dir, CertificateFile(role))
		known := slices.ContainsFunc(issued, func(record string) bool { return strings.HasPrefix(filepath.Base(record), string(role)+".") })
		if _, err := os.Stat(path); err == nil && !known {
			found = append(found, path)
		}
	}
	return found
}

// Outdated returns those whose last certificate is still valid but not of the authority that issues now: dropping the
// others would lock them out.
func (a *Authority) Outdated(now time.Time) ([]Record, error) {
	all, err := Records(a.dir)
	return slices.DeleteFunc(all, func(r Record) bool {
		return r.Authority || r.Current || now.After(r.Certificate.NotAfter)
	}), err
}
