package auth

// refusal is the reason for refusing a token. The texts are constants, because they
// are logged and the log must not contain any part of a token.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	tooLong         refusal = "longer than 8 KiB"
	notThreeParts   refusal = "not three parts"
	notBase64       refusal = "a part is not base64url"
	notObject       refusal = "header or payload is not one strict JSON object"
	tooDeep         refusal = "nested too deep"
	badAlgorithm    refusal = "alg is not RS256"
	badType         refusal = "typ is not JWT or at+jwt"
	badKeyID        refusal = "kid is not a string of 1 to 128 bytes"
	unexpectedParam refusal = "header has a parameter other than alg, kid and typ"
	misspeltClaim   refusal = "a registered claim in another spelling"
	badIssuer       refusal = "iss is not a string"
	badSubject      refusal = "sub is missing or not a safe identifier"
	badAudience     refusal = "aud is not a string or an array of strings"
	badDate         refusal = "a date is not a plain number of seconds"
	noKeyID         refusal = "kid is missing"
	unknownKey      refusal = "no key with this kid"
	badSignature    refusal = "wrong signature"
)
