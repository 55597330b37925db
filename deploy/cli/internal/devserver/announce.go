package devserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/deploy/cli/internal/devfile"
)

// toolSubject is the user that command line tools are.
const toolSubject = "cli"

// announce tells the tools where to find the server, and keeps their token fresh.
func (s *Server) announce(context.Context) error {
	key, err := os.ReadFile(s.cfg.adminKey())
	if err != nil {
		return fmt.Errorf("read the operator's key: %w", err)
	}
	signed, err := s.minter.mint(toolSubject, time.Now())
	if err != nil {
		return err
	}
	certificate, err := os.ReadFile(s.certificate.CertificateFile())
	if err != nil {
		return err
	}
	s.info = devfile.Info{
		Edge:           "https://" + dialable(s.sessionAddr()),
		API:            "http://" + dialable(s.http.Addr()),
		Page:           "http://" + dialable(s.http.Addr()) + "/",
		Admin:          "http://" + dialable(s.admin.Addr()),
		Tenant:         Tenant,
		Token:          signed,
		AdminKey:       strings.TrimSpace(string(key)),
		Certificate:    string(certificate),
		SigningKeyFile: absolute(s.cfg.signingKey()),
		PID:            os.Getpid(),
		Path:           filepath.Join(s.cfg.Data, devfile.Name),
	}
	if err := devfile.Write(s.cfg.Data, s.info); err != nil {
		return fmt.Errorf("tell tools where the server is: %w", err)
	}
	s.parts.OnClose(devfile.Name, func(context.Context) error { return devfile.Remove(s.cfg.Data) })
	s.parts.Go("renew the token", func(ctx context.Context) error {
		info := s.info
		return s.minter.renew(ctx, toolSubject, func(signed string) error {
			info.Token = signed
			// The certificate may be a new one by now, too.
			if pem, err := os.ReadFile(s.certificate.CertificateFile()); err == nil {
				info.Certificate = string(pem)
			}
			return devfile.Write(s.cfg.Data, info)
		})
	})
	return s.point()
}

// point makes tools find the data folder from the working directory, where that can be written to.
func (s *Server) point() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	undo, err := devfile.Point(dir, s.cfg.Data)
	if err != nil {
		s.logger.Warn("commands in this folder won't find the server by themselves", "folder", dir, "error", err)
		return nil
	}
	s.parts.OnClose("pointer", func(context.Context) error { return undo() })
	return nil
}

func (s *Server) sessionAddr() netip.AddrPort {
	return s.listener.Addr().(*net.TCPAddr).AddrPort()
}

// dialable returns an address that clients on this machine can dial: one that listens everywhere listens on loopback too.
func dialable(addr netip.AddrPort) string {
	ip := addr.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return net.JoinHostPort(ip.String(), fmt.Sprint(addr.Port()))
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
