package admin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"

	"github.com/GoAdminGroup/themes/adminlte"
)

//go:embed static
var static embed.FS

// asset is a static file in the forms in which it is sent.
type asset struct {
	contentType string
	etag        string
	plain, gzip []byte // gzip is nil if the type does not compress
}

// assets serves the files that pages refer to, from memory. Pages load nothing
// from other hosts.
type assets struct{ files map[string]asset }

// Files of GoAdmin's theme that pages use.
const (
	themeCSS  = "/dist/css/all.min.7bcc29700e.css"
	themeFont = "/dist/fonts/fontawesome-webfont.woff2"
)

// The theme's style sheet refers to fonts and images that pages do not use, some
// of them on other sites. withoutReferences removes both. panel.css declares the
// only font.
var (
	fontFace  = regexp.MustCompile(`@font-face\s*\{[^}]*\}`)
	reference = regexp.MustCompile(`url\(([^)]*)\)`)
)

func newAssets() (*assets, error) {
	a := &assets{files: make(map[string]asset)}
	css, err := adminlte.Adminlte.GetAsset("/assets" + themeCSS)
	if err != nil {
		return nil, fmt.Errorf("theme: %w", err)
	}
	font, err := adminlte.Adminlte.GetAsset("/assets" + themeFont)
	if err != nil {
		return nil, fmt.Errorf("theme: %w", err)
	}
	a.add(themeCSS, withoutReferences(css))
	a.add(themeFont, font)
	err = fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := static.ReadFile(name)
		a.add("/"+path.Base(name), content)
		return err
	})
	return a, err
}

// withoutReferences returns a style sheet without fonts and without URLs, except
// for inline images.
func withoutReferences(css []byte) []byte {
	return reference.ReplaceAllFunc(fontFace.ReplaceAll(css, nil), func(ref []byte) []byte {
		inner := reference.FindSubmatch(ref)[1]
		if bytes.HasPrefix(bytes.Trim(inner, `"'`), []byte("data:image/")) {
			return ref
		}
		return []byte("url(data:,)")
	})
}

func (a *assets) add(name string, content []byte) {
	contentType := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // the system's table of types may differ
	case ".woff2":
		contentType = "font/woff2"
	case ".svg":
		contentType = "image/svg+xml"
	case ".css":
		contentType = "text/css; charset=utf-8"
	}
	f := asset{contentType: contentType, etag: fmt.Sprintf(`"%x"`, sha256.Sum256(content)), plain: content}
	if compressible(contentType) {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write(content)
		_ = z.Close()
		f.gzip = b.Bytes()
	}
	a.files[name] = f
}

// assetVersion returns a hash of one of our own files. Pages add it to the file's
// URL, so that browsers load a changed file without delay.
func assetVersion(name string) string {
	content, _ := static.ReadFile("static/" + name)
	return fmt.Sprintf("%x", sha256.Sum256(content))[:10]
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	f.send(w, r)
}

func (a *assets) favicon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.files["/favicon.svg"].send(w, r) })
}

func (f asset) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("ETag", f.etag)
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if f.gzip == nil {
		_, _ = w.Write(f.plain)
		return
	}
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(f.gzip)
		return
	}
	_, _ = w.Write(f.plain)
}
