package billing

// Brand is the card network that a card belongs to.
type Brand string

// The brands that the service accepts.
const (
	Mir        Brand = "mir"
	Visa       Brand = "visa"
	Mastercard Brand = "mastercard"
	Amex       Brand = "amex"
	UnionPay   Brand = "unionpay"
	JCB        Brand = "jcb"
	Maestro    Brand = "maestro"
)

// ranges maps the first digits of a card number to its brand and to the lengths
// that the brand's numbers can have. Both bounds of a range are inclusive and have
// equally many digits. The first range that matches wins.
var ranges = []struct {
	low, high int
	brand     Brand
	lengths   []int
}{
	{2200, 2204, Mir, []int{16, 17, 18, 19}},
	{2221, 2720, Mastercard, []int{16}},
	{51, 55, Mastercard, []int{16}},
	{4, 4, Visa, []int{13, 16, 19}},
	{34, 34, Amex, []int{15}},
	{37, 37, Amex, []int{15}},
	{3528, 3589, JCB, []int{16, 17, 18, 19}},
	{62, 62, UnionPay, []int{16, 17, 18, 19}},
	{8100, 8171, UnionPay, []int{16, 17, 18, 19}},
	{50, 50, Maestro, maestroLengths},
	{56, 58, Maestro, maestroLengths},
	{63, 63, Maestro, maestroLengths},
	{67, 67, Maestro, maestroLengths},
}

var maestroLengths = []int{12, 13, 14, 15, 16, 17, 18, 19}

// brandOf returns the brand of a card number and the lengths that the brand's
// numbers can have. It returns "" for a brand that the service does not accept.
func brandOf(digits []byte) (Brand, []int) {
	for _, r := range ranges {
		n := 1
		for rest := r.low; rest >= 10; rest /= 10 {
			n++
		}
		if len(digits) < n {
			continue
		}
		first := 0
		for _, d := range digits[:n] {
			first = first*10 + int(d-'0')
		}
		if r.low <= first && first <= r.high {
			return r.brand, r.lengths
		}
	}
	return "", nil
}

// cvvLength returns the number of digits in the brand's verification code.
func (b Brand) cvvLength() int {
	if b == Amex {
		return 4
	}
	return 3
}
