package main

// mutant is a bug planted on purpose. The suite is trusted only while the
// scenario finds it.
type mutant struct {
	name     string // in cmd/internal/mutant, or in schemaMutants
	plants   string
	scenario string
	seeds    int // how many trials may be needed; 0 is 1
}

var mutants = []mutant{}

// schemaMutants are planted in the database.
var schemaMutants = map[string][]string{}
