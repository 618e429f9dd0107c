package operators

import (
	"encoding/base32"
	"net/url"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// The key and the codes of RFC 6238, appendix B, for SHA-1. The RFC has eight digits.
// A code is the last six.
func TestTOTPCode_RFC6238(t *testing.T) {
	t.Parallel()
	key := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totpCode(key, totpStepAt(time.Unix(at, 0))); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	key := []byte("12345678901234567890")
	now := time.Unix(1_800_000_010, 0)
	step := totpStepAt(now)
	code := func(offset int64) string { return totpCode(key, step+offset) }
	codes, hashes := newRecoveryCodes()
	on := ports.Factor{Since: now, LastStep: step - 5, Recovery: hashes}
	tests := map[string]struct {
		factor ports.Factor
		key    []byte
		code   string
		want   string // kind of the code
	}{
		"current step":             {on, key, code(0), codeOfApp},
		"previous step":            {on, key, code(-1), codeOfApp},
		"next step":                {on, key, code(1), codeOfApp},
		"with a space":             {on, key, code(0)[:3] + " " + code(0)[3:], codeOfApp},
		"two steps ago":            {on, key, code(-2), ""},
		"two steps ahead":          {on, key, code(2), ""},
		"used before":              {ports.Factor{Since: now, LastStep: step}, key, code(0), ""},
		"earlier than a used code": {ports.Factor{Since: now, LastStep: step}, key, code(-1), ""},
		"later than a used code":   {ports.Factor{Since: now, LastStep: step}, key, code(1), codeOfApp},
		"another key":              {on, []byte("09876543210987654321"), code(0), ""},
		"no code":                  {on, key, "", ""},
		"no key":                   {on, nil, totpCode(nil, step), ""},
		"factor is off":            {ports.Factor{}, key, code(0), ""},
		"recovery code":            {on, key, codes[3], codeRecovery},
		"recovery code, small":     {on, key, " " + string([]byte(codes[3])[:4]) + "-" + codes[3][5:9] + codes[3][10:], codeRecovery},
		"unknown recovery code":    {on, key, "AAAA-AAAA-AAAA-AAAA", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, kind, ok := spend(tt.factor, tt.key, tt.code, now)
			if kind != tt.want || ok != (tt.want != "") {
				t.Fatalf("kind %q, %t; want %q", kind, ok, tt.want)
			}
			if _, _, again := spend(after, tt.key, tt.code, now); again {
				t.Error("the code is valid twice")
			}
		})
	}
	if len(on.Recovery) != recoveryCodes {
		t.Errorf("%d recovery codes are left in the factor that was not saved", len(on.Recovery))
	}
}

func TestTOTPURI(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(totpURI("anna@cinema", []byte("12345678901234567890")))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Cinema Billing:anna@cinema" {
		t.Errorf("%v, %v", u, err)
	}
	key, err := base32.StdEncoding.DecodeString(u.Query().Get("secret"))
	if err != nil || string(key) != "12345678901234567890" || u.Query().Get("issuer") != "Cinema Billing" {
		t.Errorf("key %q, %v, issuer %q", key, err, u.Query().Get("issuer"))
	}
}
