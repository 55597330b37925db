package browser

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// Handler serves the SDK at /weir.js and as a package for npm at /weir.tgz, the demonstration's page at / and its files below /demo/. Everything has an ETag
// (RFC 9110, section 8.8.3) and is compressed once, when Handler is called.
func Handler() http.Handler {
	assets, err := load(Files())
	if err != nil {
		panic(fmt.Sprintf("browser: %v", err)) // the files are part of the program
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asset, ok := assets[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		default:
			asset.serve(w, r)
		}
	})
}

// An asset is one file as it is served.
type asset struct {
	mediaType, etag string
	content         []byte
	compressed      []byte // nil where that saves nothing
}

// load returns what is served, by URL path.
func load(files fs.FS) (map[string]*asset, error) {
	assets := map[string]*asset{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name != "weir.js" && !strings.HasPrefix(name, "demo/") {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		assets["/"+name], err = newAsset(name, content)
		return err
	})
	if err != nil {
		return nil, err
	}
	if page, ok := assets["/demo/index.html"]; ok {
		assets["/"] = page
	}
	tarball, err := pack(embedded)
	if err != nil {
		return nil, err
	}
	assets["/weir.tgz"], err = newAsset("weir.tgz", tarball)
	return assets, err
}

// mediaTypes are ours, for the system's table may know them differently or not at all.
var mediaTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8",
	".json": "application/json", ".svg": "image/svg+xml", ".tgz": "application/gzip",
}

func newAsset(name string, content []byte) (*asset, error) {
	sum := sha256.Sum256(content)
	a := &asset{mediaType: mediaTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:12]) + `"`, content: content}
	if a.mediaType == "" {
		a.mediaType = mime.TypeByExtension(path.Ext(name))
	}
	if a.mediaType == "" {
		a.mediaType = "application/octet-stream"
	}
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if compressed.Len() < len(content)*9/10 {
		a.compressed = compressed.Bytes()
	}
	return a, nil
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "no-cache") // may be kept, and is asked for again with its ETag: a new version counts at once
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*") // any page may use the SDK; nothing here is secret
	h.Set("Vary", "Accept-Encoding")
	content, etag := a.content, a.etag
	if a.compressed != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		content, etag = a.compressed, strings.TrimSuffix(a.etag, `"`)+`-gzip"`
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reports whether the client names gzip and does not refuse it (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.Trim(strings.TrimSpace(weight), "q=0.") != "" || weight == ""
		}
	}
	return false
}
