package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/online-cinema/billing/core/operators"
)

// resource is a kind of record that editors add, edit and delete. Its functions
// are use cases: they check the operator's role.
type resource struct {
	kind   string   // part of its URLs and of the keys of its texts
	fields []string // fields of its form
	list   func(r *http.Request, v *view) *listing
	// load fills a form with the record with this id. With an empty id it returns
	// the form of a new record.
	load   func(r *http.Request, v *view, id string) (formPage, error)
	add    func(ctx context.Context, v *view, form url.Values) error
	edit   func(ctx context.Context, v *view, form url.Values) error
	remove func(ctx context.Context, v *view, id string) (operators.Removal, error)
	// restore takes a record out of the archive and returns its name.
	restore func(ctx context.Context, v *view, id string) (string, error)
	// taken reports whether a record other than this one has the code.
	taken func(ctx context.Context, v *view, id, code string) (bool, error)
}

func (s *server) resources() []resource {
	return []resource{
		{"plans", planFields, s.plans, s.planForm, s.addPlan, s.editPlan, s.removePlan, s.restorePlan, s.planTaken},
		{"payment_systems", systemFields, s.systems, s.systemForm, s.addSystem, s.editSystem, s.removeSystem, s.restoreSystem, s.systemTaken},
	}
}
