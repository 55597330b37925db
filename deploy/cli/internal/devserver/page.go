package devserver

import (
	"context"
	"net/http"
	"time"

	"weir/deploy/cli/internal/page"
	"weir/edge/browser"
)

// pageSubject is the user that everybody is who looks at the demo page.
const pageSubject = "visitor"

// servePage serves what a browser and curl use without certificates.
func (s *Server) servePage(context.Context) error {
	s.parts.ServeHTTP("page", &http.Server{
		Handler: page.Handler(page.Config{
			Connection: s.connection,
			Browser:    browser.Handler(),
			Session:    s.listener.WebSocket(),
			API:        s.api,
			APIPaths:   s.api.Patterns(),
		}),
		ErrorLog: s.httpLog(),
	}, s.http...)
	return nil
}

// connection tells a page how to connect.
func (s *Server) connection() (page.Connection, error) {
	signed, err := s.minter.mint(pageSubject, time.Now())
	if err != nil {
		return page.Connection{}, err
	}
	hash, err := s.certificate.Hash()
	if err != nil {
		return page.Connection{}, err
	}
	return page.Connection{
		URL:               "https://" + dialable(s.sessionAddr()),
		CertificateHashes: []string{hash},
		Token:             signed,
	}, nil
}
