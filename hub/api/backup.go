package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"weir/hub"
	"weir/hub/api/apifault"
	"weir/hub/backup"
	"weir/proto/fault"
)

// BackupPath is where a BackupHandler belongs.
const BackupPath = "/v1/backup"

// A BackupHub is what a BackupHandler needs of a hub; *hub.Hub is one.
type BackupHub interface {
	authenticator
	// Backup writes an archive. Where it refuses it has written nothing.
	Backup(ctx context.Context, w io.Writer) (*backup.Manifest, error)
}

var _ BackupHub = (*hub.Hub)(nil)

// A BackupHandler answers GET requests with an archive of the region, for operators: a stream of any length, which the calls
// of a Handler can't be. Its errors look like theirs.
type BackupHandler struct {
	hub BackupHub
	log *slog.Logger
}

// NewBackupHandler returns a BackupHandler.
func NewBackupHandler(h BackupHub, log *slog.Logger) *BackupHandler { return &BackupHandler{h, log} }

// writeTime is how long a caller may take to take a part of an archive, of up to some 300 KB. A backup that nobody reads
// would hold on to disk space for good.
const writeTime = time.Minute

// ServeHTTP writes an archive. Once it has begun, errors are in the archive itself.
func (b *BackupHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{procedure: BackupPath, started: time.Now()}
	out := &archiveWriter{to: w, deadline: http.NewResponseController(w).SetWriteDeadline}
	m, err := b.serve(r, c, out)
	_ = out.deadline(time.Time{}) // not every transport has deadlines
	took := []any{"peer", r.RemoteAddr, "key", c.principal.KeyID, "took", time.Since(c.started)}
	if err == nil {
		b.log.Info("a backup was taken", append(took, "sha256", m.SHA256)...)
		return
	}
	refusal := apifault.Of(err)
	b.log.Log(r.Context(), severity(refusal.Code), "a backup was not taken", append(took, "code", string(refusal.Code), "error", err)...)
	if !out.begun {
		refuseHTTP(w, r, refusal)
		return
	}
	// The stream must not look as if it had ended well.
	panic(http.ErrAbortHandler)
}

func (b *BackupHandler) serve(r *http.Request, c *call, out *archiveWriter) (*backup.Manifest, error) {
	if err := (gate{b.hub}).authenticate(c, r.Header); err != nil {
		return nil, err
	}
	if !c.principal.Operator {
		return nil, fault.New(fault.PermissionDenied, "only operators may take a backup").
			WithHint("use an operator's API key; the first one is in admin.key in the hub's data folder")
	}
	if r.Method != http.MethodGet {
		return nil, fault.New(fault.InvalidArgument, "a backup is taken with GET")
	}
	return b.hub.Backup(r.Context(), out)
}

// An archiveWriter passes an archive on as it is made.
type archiveWriter struct {
	to       http.ResponseWriter
	deadline func(time.Time) error
	begun    bool
}

func (w *archiveWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.to.Header().Set("Content-Type", "application/vnd.weir.backup")
		w.to.Header().Set("Cache-Control", "no-store")
	}
	if err := w.deadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return w.to.Write(p)
}
