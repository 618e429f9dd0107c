package stripe

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// loadAPI returns Stripe's own description of its API, which is part of stripe-mock.
var loadAPI = sync.OnceValues(func() (*openapi3.T, error) {
	dir, err := exec.Command("go", "list", "-modfile=../../tools/go.mod", "-m", "-f", "{{.Dir}}", "github.com/stripe/stripe-mock").Output()
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromFile(filepath.Join(strings.TrimSpace(string(dir)), "embedded", "openapi", "spec3.json"))
})

// needAPI returns the description. Outside of CI it skips a test without stripe-mock.
func needAPI(t *testing.T) *openapi3.T {
	t.Helper()
	api, err := loadAPI()
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("the module stripe-mock is missing: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// APIForTest returns the description for the tests outside of the package.
func APIForTest(t *testing.T) *openapi3.T {
	t.Helper()
	return needAPI(t)
}
