package core_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxMethods is the largest number of methods that an interface of ports may have.
const maxMethods = 6

func TestPorts_AreSmall(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("ports/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(source))
	}
	interfaces := interfacesOf(t, sources...)
	if interfaces["Provider"] == nil {
		t.Fatalf("core/ports has no Provider: %v", interfaces)
	}
	for name := range interfaces {
		if n := countMethods(t, interfaces, name); n > maxMethods {
			t.Errorf("ports.%s has %d methods, at most %d allowed; split it", name, n, maxMethods)
		}
	}
}

func TestCountMethods(t *testing.T) {
	t.Parallel()
	interfaces := interfacesOf(t, `package ports
		type Six interface { A(); B(); C(); D(); E(); F() }
		type Seven interface { A(); B(); C(); D(); E(); F(); G() }`, `package ports
		type Embeds interface { Six; H() }
		type Empty interface{}
		type Record struct{ A, B, C, D, E, F, G int }`)
	want := map[string]int{"Six": 6, "Seven": 7, "Embeds": 7, "Empty": 0}
	if len(interfaces) != len(want) {
		t.Errorf("interfacesOf = %v, want the interfaces of %v", interfaces, want)
	}
	for name, n := range want {
		if got := countMethods(t, interfaces, name); got != n {
			t.Errorf("countMethods(%s) = %d, want %d", name, got, n)
		}
	}
}

// interfacesOf returns the interfaces that the files of one package declare, by name.
func interfacesOf(t *testing.T, sources ...string) map[string]*ast.InterfaceType {
	t.Helper()
	found := map[string]*ast.InterfaceType{}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if i, ok := spec.Type.(*ast.InterfaceType); ok {
					found[spec.Name.Name] = i
				}
			}
			return true
		})
	}
	return found
}

// countMethods returns the number of methods of an interface, which includes the
// methods of embedded interfaces of the same package. It refuses other embedded types.
func countMethods(t *testing.T, interfaces map[string]*ast.InterfaceType, name string) int {
	t.Helper()
	n := 0
	for _, field := range interfaces[name].Methods.List {
		n += len(field.Names)
		if len(field.Names) > 0 {
			continue
		}
		embedded, ok := field.Type.(*ast.Ident)
		if !ok || interfaces[embedded.Name] == nil {
			t.Fatalf("%s embeds a type that is not an interface of its package", name)
		}
		n += countMethods(t, interfaces, embedded.Name)
	}
	return n
}
