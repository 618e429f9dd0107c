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

// themeName is what GoAdmin calls our theme.
const themeName = "cinema"

// theme is a theme of GoAdmin: the components of adminlte with templates of our
// own for the page and for tables.
type theme struct {
	components.Base
	*common.BaseTheme
}

var _ gotemplate.Template = (*theme)(nil)

func newTheme() *theme {
	startGoAdmin()
	list := ownTemplates()
	return &theme{
		Base:      components.Base{Attribute: types.Attribute{TemplateList: list}},
		BaseTheme: &common.BaseTheme{AssetPaths: map[string]string{"all.min.css": themeCSS}, TemplateList: list},
	}
}

// startGoAdmin tells GoAdmin what it must know before it draws. It can be told
// once in a process, so it is told nothing that differs between two panels. It
// gets no database: it could do nothing sensible with one.
var startGoAdmin = sync.OnceFunc(func() {
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

// ownTemplates are adminlte's, with ours in their place.
func ownTemplates() map[string]string {
	list := maps.Clone(adminlte.TemplateList)
	for key, file := range map[string]string{
		"layout": "layout", "head": "head", "header": "header", "sidebar": "sidebar", "menu": "menu",
		"footer": "footer", "content": "content", "components/table": "table",
	} {
		text, err := templates.ReadFile("templates/theme/" + file + ".html")
		if err != nil {
			panic(err) // embedded: it is there
		}
		list[key] = string(text)
	}
	list["js"], list["admin_panel"] = `{{define "js"}}{{end}}`, `{{define "admin_panel"}}{{end}}`
	return list
}

// Name is the theme's.
func (t *theme) Name() string { return themeName }

// GetTmplList returns the theme's templates.
func (t *theme) GetTmplList() map[string]string { return t.BaseTheme.TemplateList }

// GetAsset has nothing: [assets] serves files.
func (t *theme) GetAsset(string) ([]byte, error) { return nil, http.ErrMissingFile }

// GetAssetList has nothing either.
func (t *theme) GetAssetList() []string { return nil }

// layout parses the page once, for all requests.
func (t *theme) layout() (*template.Template, error) {
	tmpl, _ := t.GetTemplate(false)
	return tmpl.Clone()
}

// goContext is the context that GoAdmin's functions ask for. It knows the
// request's context, and nothing else of the request.
func goContext(r *http.Request) *gocontext.Context {
	bare, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, Prefix, nil) // a path that is valid
	return gocontext.NewContext(bare)
}
