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

// reference is what a style sheet refers to. The theme's refers to files of
// other sites, and to some that do not exist.
var reference = regexp.MustCompile(`url\(([^)]*)\)`)

// ownFont is the one reference of the theme's style sheet that is kept.
var ownFont = regexp.MustCompile(`^["']?\.\./fonts/fontawesome-webfont\.woff2`)

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

// fontFace is a font of a style sheet; of the theme's only the icons are used.
var fontFace = regexp.MustCompile(`@font-face\s*\{[^}]*\}`)

func withoutReferences(css []byte) []byte {
	css = fontFace.ReplaceAllFunc(css, func(face []byte) []byte {
		if bytes.Contains(face, []byte("FontAwesome")) {
			return face
		}
		return nil
	})
	return reference.ReplaceAllFunc(css, func(ref []byte) []byte {
		inner := reference.FindSubmatch(ref)[1]
		if ownFont.Match(inner) || bytes.HasPrefix(bytes.Trim(inner, `"'`), []byte("data:image/")) {
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
