package billing_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

const hidden = "tok_4242hush"

// hiddenForms are the forms in which %s, %x, %X and %d would print the secret.
var hiddenForms = []string{
	hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden), strings.Trim(fmt.Sprint([]byte(hidden)), "[]"),
}

func TestSecret_Format(t *testing.T) {
	t.Parallel()
	secret := billing.NewSecret(hidden)
	type exported struct{ Token billing.Secret }
	type pointer struct{ Token *billing.Secret }
	values := []struct {
		name  string
		value any
	}{
		{"the secret itself", secret},
		{"a pointer to it", &secret},
		{"an exported field", exported{secret}},
		{"a pointer to a struct", &exported{secret}},
		{"a slice", []billing.Secret{secret}},
		{"a map's value", map[string]billing.Secret{"token": secret}},
		{"a map's key", map[billing.Secret]bool{secret: true}},
		{"in a slice in a map in a struct", struct{ M map[string][]exported }{map[string][]exported{"a": {{secret}}}}},
		{"an interface", struct{ Any any }{secret}},
		{"a payment method", billing.PaymentMethod{ID: "m1", Token: secret}},
	}
	for _, v := range values {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%20s", "%.3s", "%!"} {
				printed := fmt.Sprintf(verb, v.value)
				expectHidden(t, verb, printed)
				if verb != "%!" && !strings.Contains(printed, "***") {
					t.Errorf("%s prints %q, want ***", verb, printed)
				}
			}
		})
	}
	t.Run("a pointer inside a struct", func(t *testing.T) {
		t.Parallel()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			expectHidden(t, verb, fmt.Sprintf(verb, pointer{&secret}))
		}
	})
}

// fmt cannot call methods of unexported fields, so it prints an address there. The
// test checks only that it does not print the text.
func TestSecret_UnexportedFields(t *testing.T) {
	t.Parallel()
	type inner struct{ token billing.Secret }
	type outer struct {
		inner inner
		list  []inner
		table map[string]billing.Secret
		any   any
	}
	secret := billing.NewSecret(hidden)
	value := outer{inner{secret}, []inner{{secret}}, map[string]billing.Secret{"a": secret}, secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		expectHidden(t, verb, fmt.Sprintf(verb, value))
		expectHidden(t, verb+" of a pointer", fmt.Sprintf(verb, &value))
	}
	expectHidden(t, "%v of errors", fmt.Sprint(fmt.Errorf("charge %v: %w", value, errors.New("refused"))))
	for name, text := range logged(slog.Any("value", value), slog.Any("pointer", &value)) {
		expectHidden(t, name, text)
	}
}

func TestSecret_LogValue(t *testing.T) {
	t.Parallel()
	secret := billing.NewSecret(hidden)
	type method struct{ Token billing.Secret }
	attrs := []slog.Attr{
		slog.Any("plain", secret), slog.Any("pointer", &secret), slog.Any("struct", method{secret}),
		slog.Any("list", []billing.Secret{secret}), slog.Any("map", map[string]any{"token": secret}),
		slog.Group("group", slog.Any("token", secret)), slog.Any("error", fmt.Errorf("charge with %v", secret)),
	}
	for name, text := range logged(attrs...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectHidden(t, name, text)
			if n := strings.Count(text, "***"); n != len(attrs) {
				t.Errorf("%d of %d secrets are logged as ***: %s", n, len(attrs), text)
			}
		})
	}
}

func logged(attrs ...slog.Attr) map[string]string {
	var asJSON, asText bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&asJSON, nil), slog.NewTextHandler(&asText, nil)} {
		args := make([]any, len(attrs))
		for i, a := range attrs {
			args[i] = a
		}
		slog.New(h).Info("charging", args...)
	}
	return map[string]string{"JSON": asJSON.String(), "text": asText.String()}
}

func TestSecret_MarshalText(t *testing.T) {
	t.Parallel()
	secret := billing.NewSecret(hidden)
	value := struct {
		Token   billing.Secret
		Pointer *billing.Secret
	}{secret, &secret}
	t.Run("JSON", func(t *testing.T) {
		t.Parallel()
		got, err := json.Marshal(value)
		if want := `{"Token":"***","Pointer":"***"}`; err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
	t.Run("a key in JSON", func(t *testing.T) {
		t.Parallel()
		got, err := json.Marshal(map[billing.Secret]int{secret: 1})
		if want := `{"***":1}`; err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
	t.Run("XML", func(t *testing.T) {
		t.Parallel()
		got, err := xml.Marshal(struct {
			XMLName xml.Name `xml:"method"`
			Token   billing.Secret
		}{Token: secret})
		if want := `<method><Token>***</Token></method>`; err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
}

func TestSecret_InErrors(t *testing.T) {
	t.Parallel()
	secret := billing.NewSecret(hidden)
	for name, err := range map[string]error{
		"wrapped":          fmt.Errorf("token %v: %w", secret, billing.ErrPaymentTokenUnknown),
		"WithMessage":      billing.ErrInvalid.WithMessage("token %s is bad", secret),
		"joined":           errors.Join(fmt.Errorf("a %q", secret), fmt.Errorf("b %x", secret)),
		"an invalid token": func() error { _, err := newMethod(hidden + " "); return err }(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectHidden(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
		})
	}
}

// The runtime, not fmt, formats the value of an unrecovered panic. The test
// therefore starts its own binary again and lets it panic.
func TestSecret_InPanics(t *testing.T) {
	t.Parallel()
	type holder struct{ Token billing.Secret }
	secret := billing.NewSecret(hidden)
	panics := map[string]any{
		"a secret": secret, "a struct": holder{secret}, "an error": fmt.Errorf("charge with %v", secret),
	}
	const env = "PANIC_WITH_SECRET"
	if value, ok := panics[os.Getenv(env)]; ok {
		panic(value)
	}
	for name := range panics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSecret_InPanics$")
			cmd.Env = append(os.Environ(), env+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("panic: ")) {
				t.Fatalf("the program did not panic: %v\n%s", err, out)
			}
			expectHidden(t, "the panic", string(out))
		})
	}
}

func TestSecret_Reveal(t *testing.T) {
	t.Parallel()
	if got := billing.NewSecret(hidden).Reveal(); got != hidden {
		t.Errorf("Reveal = %q, want %q", got, hidden)
	}
	if got := (billing.Secret{}).Reveal(); got != "" {
		t.Errorf("Reveal of the zero Secret = %q", got)
	}
	for _, secret := range []billing.Secret{{}, billing.NewSecret(hidden)} {
		if fmt.Sprint(secret) != "***" || secret.String() != "***" {
			t.Errorf("Sprint = %q and String = %q, want ***", fmt.Sprint(secret), secret.String())
		}
	}
	for text, zero := range map[string]bool{"": true, "x": false} {
		if got := billing.NewSecret(text).IsZero(); got != zero {
			t.Errorf("IsZero of %q = %v", text, got)
		}
	}
	if !(billing.Secret{}).IsZero() {
		t.Error("IsZero of the zero Secret is false")
	}
}

func TestSecret_Equal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a, b billing.Secret
		want bool
	}{
		{"same text", billing.NewSecret("abc"), billing.NewSecret("abc"), true},
		{"different text", billing.NewSecret("abc"), billing.NewSecret("abd"), false},
		{"different case", billing.NewSecret("abc"), billing.NewSecret("ABC"), false},
		{"a prefix", billing.NewSecret("abc"), billing.NewSecret("ab"), false},
		{"zero and a text", billing.Secret{}, billing.NewSecret("a"), false},
		{"zero and empty", billing.Secret{}, billing.NewSecret(""), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.a.Equal(tt.b) != tt.want || tt.b.Equal(tt.a) != tt.want {
				t.Errorf("Equal is not %v in both directions", tt.want)
			}
		})
	}
}

func expectHidden(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range hiddenForms {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", where, text)
		}
	}
}
