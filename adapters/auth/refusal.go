package auth

// refusal is the reason for refusing a token. The texts are constants, because they
// are logged and the log must not contain any part of a token.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	tooLong          refusal = "longer than 8 KiB"
	notThreeParts    refusal = "not three parts"
	notBase64        refusal = "a part is not base64url"
	notObject        refusal = "header or payload is not one strict JSON object"
	tooDeep          refusal = "nested too deep"
	badAlgorithm     refusal = "alg is not RS256"
	badType          refusal = "typ is not JWT or at+jwt"
	badKeyID         refusal = "kid is not a string of 1 to 128 bytes"
	unsupportedParam refusal = "header has one of crit, b64, zip, enc, jwk, jku, x5u, x5c"
	misspeltParam    refusal = "a header parameter in another spelling"
	nestedToken      refusal = "the payload is another token"
	misspeltClaim    refusal = "a registered claim in another spelling"
	badIssuer        refusal = "iss is not a string"
	badSubject       refusal = "sub is missing or not 1 to 255 printable ASCII characters"
	badAudience      refusal = "aud is not a string or an array of strings"
	badDate          refusal = "a date is not a number of seconds"
	noKeyID          refusal = "kid is missing"
	unknownKey       refusal = "no key with this kid"
	badSignature     refusal = "wrong signature"
)
