package billing

// Brand is the network that a card belongs to.
type Brand string

// The brands that are taken.
const (
	Mir        Brand = "mir"
	Visa       Brand = "visa"
	Mastercard Brand = "mastercard"
	Amex       Brand = "amex"
	UnionPay   Brand = "unionpay"
	JCB        Brand = "jcb"
	Maestro    Brand = "maestro"
)

// ranges says by the first digits of a number what brand it is, and how long its
// numbers are. The bounds have the same number of digits. The first that fits
// counts.
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

// brandOf returns the brand of a number and the lengths that its numbers have;
// "" for one that is not taken.
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

// cvvLength is how many digits the code on such a card has.
func (b Brand) cvvLength() int {
	if b == Amex {
		return 4
	}
	return 3
}

// luhn reports whether the check digit of a number is right.
func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d - '0')
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// LooksLikeCardNumber reports whether a run of digits could be the number of a
// card: 13 to 19 of them, a right check digit, and not beginning as no card does.
// It serves to keep numbers out of places where they have no business.
func LooksLikeCardNumber(digits string) bool {
	if len(digits) < 13 || len(digits) > 19 || digits[0] < '2' {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return luhn([]byte(digits))
}
