package admin

// EncodeCookie encodes a cookie's value, for tests that forge cookies.
var EncodeCookie = encodeCookie
