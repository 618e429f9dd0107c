package auth_test

import (
	"strings"
	"testing"

	"github.com/online-cinema/billing/adapters/auth"
)

// The expected ids are literals, because databases store them: a change of the
// algorithm must fail the test.
func TestUserID(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sub, want string }{
		{"UUID", "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80", "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80"},
		{"UUID in capitals", "0193B1A0-7F6E-7C3A-9B1E-2F4D5C6B7A80", "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80"},
		{"nil UUID", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
		{"word", "viewer-17", "a76cfaec-c283-5511-acf1-ac9d30f6ac35"},
		{"word in another case is another user", "Viewer-17", "d2c27aa3-3148-5f8a-a127-7bd178d24219"},
		{"id with a bar", "auth0|5f7c8ec7", "40b605a2-078d-5d66-9015-034d35622001"},
		{"UUID in braces", "{0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80}", "f93453ea-5666-5b04-9723-924f8445896e"},
		{"UUID as URN", "urn:uuid:0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80", "e1856005-bc38-557f-b974-0e7cc871a973"},
		{"UUID without hyphens", "0193b1a07f6e7c3a9b1e2f4d5c6b7a80", "4925d854-50a5-54f1-b1df-1c91fc68da75"},
		{"36 characters, not a UUID", "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a8g", "97a2c312-10c3-5c45-954f-28675dcc14ff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := auth.UserID(tt.sub); got != tt.want {
				t.Errorf("UserID(%q) = %s, want %s", tt.sub, got, tt.want)
			}
		})
	}
}

// Two subjects with one id must not be one viewer, so the subject is compared too. A
// UUID in capitals is the same subject.
func TestVerify_SubjectOfUUID(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(t))
	hashed := auth.UserID("viewer-17")
	for sub, want := range map[string]string{
		"viewer-17": "viewer-17", hashed: hashed, strings.ToUpper(hashed): hashed, "{" + hashed + "}": "{" + hashed + "}",
	} {
		got, err := v.Verify(t.Context(), mint(header(), claims(`sub="`+sub+`"`)))
		if err != nil || got.Subject != want {
			t.Errorf("sub %q: subject %q, %v; want %q", sub, got.Subject, err, want)
		}
	}
}
