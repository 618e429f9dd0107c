package billing_test

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestNewContact_Email(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 60) + "."
	for _, good := range []string{
		"ann@example.com", "a.b+c_d@sub.example.com", "o'hara@example.com", "a@b.cc", "USER@EXAMPLE.COM", "x@xn--80akhbyknj4f.xn--p1ai",
		strings.Repeat("l", 64) + "@example.com", "a@" + strings.Repeat(label, 4) + strings.Repeat("a", 8), // 254 bytes
	} {
		c, err := billing.NewContact(&good, nil)
		if err != nil || c.Reveal() != good || !c.IsEmail() {
			t.Errorf("NewContact(%q) = %q, %v", good, c.Reveal(), err)
		}
		if a, err := mail.ParseAddress(good); err != nil || a.Address != good {
			t.Errorf("net/mail reads %q as %v, %v", good, a, err)
		}
	}
	for _, bad := range []string{
		"", "ann", "@example.com", "ann@", "ann@localhost", "ann@@example.com", "a@b@example.com", ".ann@example.com", "ann.@example.com", "a..b@example.com",
		"ann@example..com", "ann@-example.com", "ann@example-.com", "ann @example.com", "ann@example.com\r\nBcc: all@example.com", "Ann <ann@example.com>",
		`"ann"@example.com`, "ann@[127.0.0.1]", "анна@example.com", "ann@пример.рф", "ann@example.com.", "ann@exam_ple.com",
		strings.Repeat("l", 65) + "@example.com", "a@" + strings.Repeat(label, 4) + strings.Repeat("a", 9), "a@" + strings.Repeat("a", 64) + ".com",
	} {
		_, err := billing.NewContact(&bad, nil)
		expectFault(t, err, "receipt.email", bad)
	}
}

func TestNewContact_Phone(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"+79001234567": "79001234567", "79001234567": "79001234567", "12345678": "12345678", "123456789012345": "123456789012345",
	} {
		c, err := billing.NewContact(nil, &given)
		if err != nil || c.Reveal() != want || c.IsEmail() {
			t.Errorf("NewContact(%q) = %q, %v, want %q", given, c.Reveal(), err, want)
		}
	}
	for _, bad := range []string{"", "+", "1234567", "1234567890123456", "+0123456789", "++79001234567", "8 900 123-45-67", "٧٩٠٠١٢٣٤٥٦٧", "79001234567x"} {
		_, err := billing.NewContact(nil, &bad)
		expectFault(t, err, "receipt.phone", bad)
	}
}

func TestNewContact_ExactlyOne(t *testing.T) {
	t.Parallel()
	email, phone := "ann@example.com", "79001234567"
	_, err := billing.NewContact(&email, &phone)
	expectFault(t, err, "receipt", email)
	_, err = billing.NewContact(nil, nil)
	expectFault(t, err, "receipt", "nothing")
}

// expectFault expects one fault of the field, whose message does not repeat the value.
func expectFault(t *testing.T, err error, field, value string) {
	t.Helper()
	var invalid *billing.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Field != field {
		t.Errorf("the error for %q is %v, want a fault of %s", value, err, field)
		return
	}
	if len(value) > 8 && strings.Contains(err.Error(), value) {
		t.Errorf("the error quotes the contact: %v", err)
	}
}

func TestContact_IsHidden(t *testing.T) {
	t.Parallel()
	email := "hush@example.com"
	c, err := billing.NewContact(&email, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored := billing.ReceiptContact{ID: "c1", Contact: c}
	for _, v := range []any{c, &c, stored, []billing.ReceiptContact{stored}, billing.Receipt{ID: "r1", Contact: c}, &billing.Receipt{Contact: c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if printed := fmt.Sprintf(verb, v); strings.Contains(printed, "hush") || strings.Contains(printed, fmt.Sprintf("%x", "hush")) {
				t.Errorf("%s of %T prints %q", verb, v, printed)
			}
		}
	}
}
