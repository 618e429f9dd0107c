package boot

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

const (
	helpWidth  = 88 // columns of --help
	helpIndent = 32 // column at which descriptions begin
)

// help returns the text of --help: the program, its flags, and the variables of
// its configuration.
func (p Program) help(variables []field) string {
	var b strings.Builder
	b.WriteString(p.About)
	b.WriteString("\nFlags:\n\n")
	if p.Flags != nil {
		p.Flags.VisitAll(func(f *pflag.Flag) { b.WriteString(flagEntry(f)) })
	}
	b.WriteString(entry("--help", "Print this help"))
	b.WriteString(entry("--version", "Print the version"))
	b.WriteString("\nEnvironment variables (an empty variable counts as not set):\n")
	for i, v := range variables {
		if i == 0 || newParagraph(variables, i) {
			b.WriteString("\n")
		}
		b.WriteString(entry(v.key, v.description()))
	}
	return b.String()
}

func flagEntry(f *pflag.Flag) string {
	value, text := pflag.UnquoteUsage(f)
	switch f.DefValue {
	case "", "0", "0s", "false":
	default:
		text += " (default " + f.DefValue + ")"
	}
	return entry(strings.TrimRight("--"+f.Name+" "+value, " "), text)
}

// newParagraph reports whether a blank line separates variable i from the one
// before it. A part of the configuration with several variables is a paragraph;
// neighbouring parts with one variable share one.
func newParagraph(variables []field, i int) bool {
	size := map[int]int{}
	for _, v := range variables {
		size[v.part]++
	}
	before, here := variables[i-1].part, variables[i].part
	return before != here && (size[before] > 1 || size[here] > 1)
}

// entry returns a name and beside it the text, which starts on the next line if the
// name is too long.
func entry(name, text string) string {
	name = "  " + name
	lines := wrap(text, helpWidth-helpIndent)
	if len(name) > helpIndent-2 {
		lines = append([]string{""}, lines...)
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%s", helpIndent, name, line), " ") + "\n")
		name = ""
	}
	return b.String()
}

// description joins the tags of the field: "help", "must" and the default.
func (f field) description() string {
	text := f.help
	if f.must != "" {
		text += ". Must " + f.must
	}
	switch {
	case f.required:
		text += " (required)"
	case f.byDefault != "":
		text += " (default " + f.byDefault + ")"
	}
	return text
}

// wrap breaks text into lines of at most width columns. A longer word has a line
// of its own.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
