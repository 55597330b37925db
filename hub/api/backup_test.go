package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/hub/api"
	"weir/hub/backup"
	"weir/proto/fault"
)

// A backupHub is a fakeHub that writes what it is told.
type backupHub struct {
	fakeHub
	backup func(w io.Writer) error
}

func (h *backupHub) Backup(_ context.Context, w io.Writer) (*backup.Manifest, error) {
	return &backup.Manifest{}, h.backup(w)
}

// take asks for a backup, and returns the answer with what could be read of it.
func take(t *testing.T, h *backupHub, method, key string) (*http.Response, string, error) {
	t.Helper()
	server := httptest.NewServer(api.NewBackupHandler(h, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+api.BackupPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response, string(content), err
}

func TestOperatorsTakeBackups(t *testing.T) {
	h := &backupHub{backup: func(w io.Writer) error {
		_, err := io.WriteString(w, "an archive")
		return err
	}}
	response, content, err := take(t, h, http.MethodGet, operatorKey)
	if err != nil || response.StatusCode != http.StatusOK || content != "an archive" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %q, %v", response.Status, content, err)
	}
}

func TestBackupsAreRefused(t *testing.T) {
	h := &backupHub{backup: func(io.Writer) error {
		return fault.New(fault.Busy, "this node is making another backup").WithHint("wait for it")
	}}
	for _, c := range []struct {
		method, key string
		status      int
		says        string
	}{
		{http.MethodGet, "wk_nobody", http.StatusUnauthorized, "unauthenticated"},
		{http.MethodGet, "", http.StatusUnauthorized, "unauthenticated"},
		{http.MethodGet, acmeKey, http.StatusForbidden, "only operators"},
		{http.MethodPost, operatorKey, http.StatusBadRequest, "GET"},
		{http.MethodGet, operatorKey, http.StatusTooManyRequests, "another backup (wait for it)"},
	} {
		response, content, err := take(t, h, c.method, c.key)
		if err != nil || response.StatusCode != c.status || !strings.Contains(content, c.says) {
			t.Errorf("%s with %q: %s %s, %v", c.method, c.key, response.Status, content, err)
		}
	}
}

func TestBackupThatFailsDoesNotEndWell(t *testing.T) {
	h := &backupHub{backup: func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Repeat("half an archive", 1000))
		return errors.Join(err, errors.New("the disk is gone"))
	}}
	if response, content, err := take(t, h, http.MethodGet, operatorKey); err == nil {
		t.Errorf("%s with %d bytes looks whole", response.Status, len(content))
	}
}
