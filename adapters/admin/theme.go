package admin

import (
	"html/template"
	"maps"
	"net/http"
	"strings"
	"sync"

	gocontext "github.com/GoAdminGroup/go-admin/context"
	"github.com/GoAdminGroup/go-admin/modules/config"
	gotemplate "github.com/GoAdminGroup/go-admin/template"
	"github.com/GoAdminGroup/go-admin/template/components"
	"github.com/GoAdminGroup/go-admin/template/types"
	"github.com/GoAdminGroup/themes/adminlte"
	"github.com/GoAdminGroup/themes/common"
)

// themeName is the name under which GoAdmin registers our theme.
const themeName = "cinema"

// theme is a GoAdmin theme: the components of adminlte, with our own templates for
// the page and for tables.
type theme struct {
	components.Base
	*common.BaseTheme
}

var _ gotemplate.Template = (*theme)(nil)

func newTheme() *theme {
	initGoAdmin()
	list := ownTemplates()
	return &theme{
		Base:      components.Base{Attribute: types.Attribute{TemplateList: list}},
		BaseTheme: &common.BaseTheme{AssetPaths: map[string]string{"all.min.css": themeCSS}, TemplateList: list},
	}
}

// initGoAdmin sets GoAdmin's global configuration. GoAdmin panics if it is set
// twice in a process, so it holds nothing that differs between two panels. It
// names no database.
var initGoAdmin = sync.OnceFunc(func() {
	config.Initialize(&config.Config{
		UrlPrefix: strings.TrimPrefix(Prefix, "/"), IndexUrl: "/", Theme: themeName, Language: "en", Env: config.EnvProd,
		Title: "Cinema Billing", InfoLogOff: true, AccessLogOff: true, ErrorLogOff: true, OperationLogOff: true,
		ProhibitConfigModification: true, OpenAdminApi: false,
		Animation: config.PageAnimation{},
	})
	gotemplate.Add(themeName, &theme{
		Base:      components.Base{Attribute: types.Attribute{TemplateList: ownTemplates()}},
		BaseTheme: &common.BaseTheme{TemplateList: ownTemplates()},
	})
})

// ownTemplates returns the templates of adminlte, some of them replaced by ours.
func ownTemplates() map[string]string {
	list := maps.Clone(adminlte.TemplateList)
	for key, file := range map[string]string{
		"layout": "layout", "head": "head", "header": "header", "sidebar": "sidebar", "menu": "menu",
		"footer": "footer", "content": "content", "components/table": "table",
	} {
		text, err := templates.ReadFile("templates/theme/" + file + ".html")
		if err != nil {
			panic(err) // the files are embedded
		}
		list[key] = string(text)
	}
	list["js"], list["admin_panel"] = `{{define "js"}}{{end}}`, `{{define "admin_panel"}}{{end}}`
	return list
}

// Name returns the theme's name.
func (t *theme) Name() string { return themeName }

// GetTmplList returns the theme's templates.
func (t *theme) GetTmplList() map[string]string { return t.BaseTheme.TemplateList }

// GetAsset returns an error: [assets] serves the theme's files.
func (t *theme) GetAsset(string) ([]byte, error) { return nil, http.ErrMissingFile }

// GetAssetList returns nil: [assets] serves the theme's files.
func (t *theme) GetAssetList() []string { return nil }

// layout returns the parsed template of the page.
func (t *theme) layout() (*template.Template, error) {
	tmpl, _ := t.GetTemplate(false)
	return tmpl.Clone()
}

// goContext returns the context that GoAdmin's functions need. It carries the
// request's context, but no path, query, cookie or body of the request.
func goContext(r *http.Request) *gocontext.Context {
	empty, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, Prefix, nil) // the path is valid
	return gocontext.NewContext(empty)
}
