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

// asset is a file as it is sent.
type asset struct {
	kind        string
	tag         string
	plain, gzip []byte // gzip is nil when it saves nothing
}

// assets are the files that pages refer to, all in memory: there is nothing
// that a page needs from elsewhere.
type assets struct{ files map[string]asset }

// What is taken from GoAdmin's theme.
const (
	themeCSS  = "/dist/css/all.min.7bcc29700e.css"
	themeFont = "/dist/fonts/fontawesome-webfont.woff2"
)

// The theme's style sheet refers to fonts, and to pictures of parts that no page
// has; some would be fetched from other sites. Our own names the one font there
// is.
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
		text, err := static.ReadFile(name)
		a.add("/"+path.Base(name), text)
		return err
	})
	return a, err
}

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
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // whatever this machine's list of types says
	case ".woff2":
		kind = "font/woff2"
	case ".svg":
		kind = "image/svg+xml"
	case ".css":
		kind = "text/css; charset=utf-8"
	}
	f := asset{kind: kind, tag: fmt.Sprintf(`"%x"`, sha256.Sum256(content)), plain: content}
	if compressible(kind) {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write(content)
		_ = z.Close()
		f.gzip = b.Bytes()
	}
	a.files[name] = f
}

// assetVersion changes whenever one of our own files does.
func assetVersion(name string) string {
	text, _ := static.ReadFile("static/" + name)
	return fmt.Sprintf("%x", sha256.Sum256(text))[:10]
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	a.send(w, r, f)
}

func (a *assets) favicon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.send(w, r, a.files["/favicon.svg"]) })
}

func (*assets) send(w http.ResponseWriter, r *http.Request, f asset) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("ETag", f.tag)
	if r.Header.Get("If-None-Match") == f.tag {
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
