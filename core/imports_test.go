// Package core_test tests the whole repository: the imports of each package, the
// documents and the prose.
package core_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module  = "github.com/online-cinema/billing"
	goAdmin = "github.com/GoAdminGroup"
)

// helpersOfTests are the adapters that tests may import, besides the imports allowed to
// their package.
var helpersOfTests = []string{"adapters/postgres", "adapters/postgres/pgtest", "adapters/memory", "adapters/simulator", "adapters/vault", "adapters/browsertest"}

// goPackage is a package as far as the rule needs it. Paths of the project's own
// packages are relative to the module.
type goPackage struct {
	path        string
	imports     []string
	testImports []string
	deps        []string // imports of imports included
}

func TestImports_FollowRule(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.path == "core/billing" }) {
		t.Fatalf("go list has no core/billing: %v", packages)
	}
	for _, p := range packages {
		for _, broken := range p.brokenRules() {
			t.Error(broken)
		}
	}
}

func TestTopLevel_HasAllowedEntries(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !belongsAtTop(e.Name()) {
			t.Errorf("%s is not allowed at the top level; see belongsAtTop", e.Name())
		}
	}
}

func TestBrokenRules_Refused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		pkg  goPackage
	}{
		{"context in core/billing", goPackage{path: "core/billing", imports: []string{"context"}}},
		{"the network in core/billing", goPackage{path: "core/billing", imports: []string{"net/http"}}},
		{"a library in core/billing", goPackage{path: "core/billing", imports: []string{"github.com/google/uuid"}}},
		{"ports in core/billing", goPackage{path: "core/billing", imports: []string{"core/ports"}}},
		{"an adapter in a test of core/billing", goPackage{path: "core/billing", testImports: []string{"adapters/memory"}}},
		{"the test world in a test of core/billing", goPackage{path: "core/billing", testImports: []string{"core/billingtest"}}},
		{"a use case in core/ports", goPackage{path: "core/ports", imports: []string{"core/payments"}}},
		{"renewals in core/payments", goPackage{path: "core/payments", imports: []string{"core/renewals"}}},
		{"viewers in core/renewals", goPackage{path: "core/renewals", imports: []string{"core/viewers"}}},
		{"renewals in core/viewers", goPackage{path: "core/viewers", imports: []string{"core/renewals"}}},
		{"operators in core/viewers", goPackage{path: "core/viewers", imports: []string{"core/operators"}}},
		{"billing in core/batcher", goPackage{path: "core/batcher", imports: []string{"core/billing"}}},
		{"a room that the rule does not know", goPackage{path: "core/utils", imports: []string{"core/billing"}}},
		{"the test world in a use case", goPackage{path: "core/payments", imports: []string{"core/billingtest"}}},
		{"the test world in a binary", goPackage{path: "cmd/api", imports: []string{"core/billingtest"}}},
		{"a library in core", goPackage{path: "core/payments", imports: []string{"github.com/jackc/pgx/v5"}}},
		{"the network in core", goPackage{path: "core/ports", imports: []string{"net/http"}}},
		{"the operating system in core", goPackage{path: "core/payments", imports: []string{"os"}}},
		{"system calls in core", goPackage{path: "core/payments", imports: []string{"syscall"}}},
		{"a database driver in core", goPackage{path: "core/ports", imports: []string{"database/sql"}}},
		{"an adapter in core", goPackage{path: "core/payments", imports: []string{"adapters/memory"}}},
		{"an adapter in a conformance suite", goPackage{path: "core/storetest", imports: []string{"adapters/memory"}}},
		{"a real adapter in a test of core", goPackage{path: "core/payments", testImports: []string{"adapters/auth"}}},
		{"another adapter", goPackage{path: "adapters/httpapi", imports: []string{"adapters/auth"}}},
		{"a subpackage of another adapter", goPackage{path: "adapters/simulator", imports: []string{"adapters/postgres/pgtest"}}},
		{"an adapter whose name begins the same", goPackage{path: "adapters/auth", imports: []string{"adapters/authority"}}},
		{"another adapter in a test", goPackage{path: "adapters/httpapi", testImports: []string{"adapters/auth"}}},
		{"a main in an adapter", goPackage{path: "adapters/httpapi", imports: []string{"cmd/internal/boot"}}},
		{"a main in a test of an adapter", goPackage{path: "adapters/httpapi", testImports: []string{"cmd/internal/boot"}}},
		{"the core in db", goPackage{path: "db", imports: []string{"core/billing"}}},
		{"a part of one main in another", goPackage{path: "cmd/api", imports: []string{"cmd/ctl"}}},
		{"GoAdmin in another adapter", goPackage{path: "adapters/httpapi", imports: []string{goAdmin + "/go-admin/engine"}}},
		{"GoAdmin linked with the API", goPackage{path: "cmd/api", deps: []string{goAdmin + "/go-admin/engine"}}},
		{"GoAdmin linked with the renewal job", goPackage{path: "cmd/renew", deps: []string{goAdmin + "/go-admin/engine"}}},
		{"a package in no known place", goPackage{path: "pkg/utils"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.pkg.brokenRules(); len(got) != 1 {
				t.Errorf("brokenRules = %q, want one", got)
			}
		})
	}
	t.Run("a stray folder at the top level", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"pkg", "internal", "docs", "billing-api.service", "main.go"} {
			if belongsAtTop(name) {
				t.Errorf("belongsAtTop(%q) = true, want false", name)
			}
		}
	})
}

func TestBrokenRules_Allowed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		pkg  goPackage
	}{
		{"the standard library in core/billing", goPackage{path: "core/billing", imports: []string{"crypto/subtle", "time"}}},
		{"test libraries in a test of core/billing", goPackage{path: "core/billing", testImports: []string{"pgregory.net/rapid"}}},
		{"billing in core/ports", goPackage{path: "core/ports", imports: []string{"context", "core/billing"}}},
		{"ports and payments in core/renewals", goPackage{path: "core/renewals", imports: []string{"core/ports", "core/payments"}}},
		{"a viewer's queries in core/operators", goPackage{path: "core/operators", imports: []string{"core/ports", "core/viewers"}}},
		{"the core in its suites", goPackage{path: "core/storetest", imports: []string{"core/ports", "core/billing", "testing"}}},
		{"the use cases and the memory store in the test world", goPackage{path: "core/billingtest", imports: []string{"adapters/memory", "core/renewals", "core/viewers"}}},
		{"the test world and a caller in tests of core", goPackage{path: "core/payments", testImports: []string{"core/billingtest", "core/viewers"}}},
		{"fakes in tests of core", goPackage{path: "core/payments", testImports: []string{"adapters/memory", "adapters/simulator"}}},
		{"the core, libraries and db in an adapter", goPackage{path: "adapters/postgres", imports: []string{"core/ports", "github.com/jackc/pgx/v5", "db"}}},
		{"a package that adapters share", goPackage{path: "adapters/httpapi", imports: []string{"adapters/internal/statuswriter"}}},
		{"an adapter's own subpackages", goPackage{path: "adapters/postgres", imports: []string{"adapters/postgres/internal/dbgen"}}},
		{"the adapter in its own subpackage", goPackage{path: "adapters/postgres/pgtest", imports: []string{"adapters/postgres", "db"}}},
		{"a private database in tests of an adapter", goPackage{path: "adapters/simulator", testImports: []string{"adapters/postgres/pgtest"}}},
		{"GoAdmin in adapters/admin", goPackage{path: "adapters/admin", imports: []string{goAdmin + "/go-admin/engine"}}},
		{"GoAdmin linked with cmd/admin", goPackage{path: "cmd/admin", deps: []string{goAdmin + "/go-admin/engine"}}},
		{"what mains share", goPackage{path: "cmd/api", imports: []string{"adapters/auth", "cmd/internal/boot"}}},
		{"a part of the main itself", goPackage{path: "cmd/ctl", imports: []string{"cmd/ctl/internal/dev"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.pkg.brokenRules(); len(got) != 0 {
				t.Errorf("brokenRules = %q, want none", got)
			}
		})
	}
}

func (p goPackage) brokenRules() []string {
	var broken []string
	if place, _, _ := strings.Cut(p.path, "/"); !slices.Contains([]string{"core", "adapters", "cmd", "db"}, place) {
		broken = append(broken, p.path+" must be in core, adapters, cmd or db")
	}
	for _, i := range p.imports {
		if !p.mayImport(i) {
			broken = append(broken, p.path+" must not import "+i)
		}
	}
	for _, i := range p.testImports {
		if !p.testMayImport(i) {
			broken = append(broken, "a test of "+p.path+" must not import "+i)
		}
	}
	if p.path == "cmd/api" || p.path == "cmd/renew" {
		for _, d := range p.deps {
			if within(d, goAdmin) {
				broken = append(broken, p.path+" must not link "+d)
			}
		}
	}
	return broken
}

func (p goPackage) mayImport(path string) bool {
	if within(path, goAdmin) {
		return within(p.path, "adapters/admin")
	}
	if within(path, testWorld) && p.path != testWorld {
		return false
	}
	switch {
	case within(p.path, "core"):
		return p.coreMayImport(path)
	case within(p.path, "adapters"):
		return !isOurs(path) || within(path, "core") || within(path, "db") || within(path, "adapters/internal") || within(path, top(p.path, 2))
	case within(p.path, "cmd"):
		return !within(path, "cmd") || within(path, "cmd/internal") || within(path, top(p.path, 2))
	default: // db
		return !isOurs(path)
	}
}

// rooms lists the packages of core that each package of core may import. The suites
// and the test world may import all of them.
var rooms = map[string][]string{
	"core/billing":      {},
	"core/batcher":      {},
	"core/ports":        {"core/billing"},
	"core/payments":     {"core/billing", "core/ports", "core/batcher"},
	"core/renewals":     {"core/billing", "core/ports", "core/payments"},
	"core/viewers":      {"core/billing", "core/ports", "core/payments", "core/batcher"},
	"core/operators":    {"core/billing", "core/payments", "core/ports", "core/viewers"},
	"core/feed":         {"core/billing", "core/ports"},
	"core/storetest":    {"core"},
	"core/providertest": {"core"},
	testWorld:           {"core", "adapters/memory"},
}

// testWorld is the package that core's tests share. Only tests import it.
const testWorld = "core/billingtest"

func (p goPackage) coreMayImport(path string) bool {
	banned := []string{"net/http", "os", "syscall", "database/sql"}
	if p.path == "core/billing" {
		banned = []string{"context", "net", "os", "syscall", "database", "io/fs"}
	}
	in := func(folder string) bool { return within(path, folder) }
	if isOurs(path) {
		return slices.ContainsFunc(rooms[p.path], in)
	}
	return isStandard(path) && !slices.ContainsFunc(banned, in)
}

// testMayImport allows all libraries to tests. Tests of core/billing must not import
// adapters.
func (p goPackage) testMayImport(path string) bool {
	if p.mayImport(path) || within(path, p.path) || !isOurs(path) {
		return true
	}
	if p.path == "core/billing" {
		return false
	}
	return slices.Contains(helpersOfTests, path) || within(p.path, "core") && within(path, "core")
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func top(path string, n int) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[:min(n, len(parts))], "/")
}

func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !isOurs(path) && !strings.Contains(first, ".")
}

func isOurs(path string) bool {
	return slices.ContainsFunc([]string{"core", "adapters", "cmd", "db"}, func(f string) bool { return within(path, f) })
}

func belongsAtTop(name string) bool {
	allowed := strings.Fields("core adapters cmd db tools sqlc.yaml Makefile Dockerfile go.mod go.sum README.md")
	madeHere := name == "bin" || strings.HasPrefix(name, "coverage.") || // ignored by git
		strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".out")
	return slices.Contains(allowed, name) || strings.HasPrefix(name, ".") || madeHere
}

// listPackages runs go list. It includes files that build tags exclude, and does not
// report packages that fail to compile.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	touchEveryFolder(t)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-mod=readonly",
		"-json=Dir,ImportPath,Imports,TestImports,XTestImports,Deps,IgnoredGoFiles", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			Dir, ImportPath                                          string
			Imports, TestImports, XTestImports, Deps, IgnoredGoFiles []string
		}
		if err := d.Decode(&listed); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		p := goPackage{path: ours(listed.ImportPath)}
		for _, i := range listed.Imports {
			p.imports = append(p.imports, ours(i))
		}
		for _, i := range slices.Concat(listed.TestImports, listed.XTestImports) {
			p.testImports = append(p.testImports, ours(i))
		}
		for _, d := range listed.Deps {
			p.deps = append(p.deps, ours(d))
		}
		for _, file := range listed.IgnoredGoFiles {
			found := importsOf(t, filepath.Join(listed.Dir, file))
			if strings.HasSuffix(file, "_test.go") {
				p.testImports = append(p.testImports, found...)
			} else {
				p.imports = append(p.imports, found...)
			}
		}
		packages = append(packages, p)
	}
}

// ours removes the module from the path of one of the project's packages.
func ours(path string) string { return strings.TrimPrefix(path, module+"/") }

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, i := range parsed.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", file, err))
		}
		paths = append(paths, ours(path))
	}
	return paths
}

// touchEveryFolder reads every folder, so that go test notices changes and does not use
// a cached result. It cannot see the files that go list reads.
func touchEveryFolder(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../core", "../adapters", "../cmd", "../db"} {
		err := filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // deleted during the walk
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
