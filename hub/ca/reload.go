package ca

import (
	"context"
	"crypto/x509"
	"time"
)

const (
	// pollInterval is how often the files are looked at: three small reads.
	pollInterval = 5 * time.Second
	// expiresSoon is how long before its end a certificate is warned of, warnInterval how often.
	expiresSoon  = 30 * 24 * time.Hour
	warnInterval = 12 * time.Hour
)

// Watch follows the files until ctx ends.
func (i *Identity) Watch(ctx context.Context) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			_ = i.Reload() // has said what is wrong
			i.warn(now)
		case <-ctx.Done():
			return
		}
	}
}

// Reload looks at the files now. Where they can't be used, what was read before stays in use, and the log says so, once
// for the same files: they may be half copied.
func (i *Identity) Reload() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	files, err := i.read()
	sum := files.sum()
	if sum == i.seen {
		return i.fault
	}
	var m *material
	if err == nil {
		m, err = parse(files, i.cfg, time.Now())
	}
	i.seen, i.fault = sum, err
	if err != nil {
		i.failed.Add(1)
		i.cfg.Logger.Error("certificates have changed but can't be used; those from before stay in use", "folder", i.cfg.Dir, "reason", err)
		return err
	}
	i.current.Store(m)
	i.reloads.Add(1)
	i.warned = time.Time{}
	i.cfg.Logger.Info("certificates have changed and are in use", "folder", i.cfg.Dir, "name", m.name.String(),
		"expires", m.certificate.Leaf.NotAfter, "authorities", len(m.authorities))
	return nil
}

// warn logs what expires soon, or has.
func (i *Identity) warn(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Sub(i.warned) < warnInterval {
		return
	}
	m := i.current.Load()
	for _, c := range m.all() {
		if left := c.NotAfter.Sub(now); left < expiresSoon {
			i.warned = now
			i.cfg.Logger.Warn("a certificate expires soon or has expired", "certificate", subject(c), "folder", i.cfg.Dir,
				"expires", c.NotAfter, "days_left", int(left/(24*time.Hour)), "hint", hintFor(c))
		}
	}
}

func hintFor(c *x509.Certificate) string {
	if c.IsCA {
		return `replace it with "weir ca rotate"`
	}
	return `make a new one with "weir ca issue"`
}

// all returns the identity's own certificate and the authorities that it believes.
func (m *material) all() []*x509.Certificate {
	return append([]*x509.Certificate{m.certificate.Leaf}, m.authorities...)
}
