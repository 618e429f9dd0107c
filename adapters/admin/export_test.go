package admin

// EncodeCookie is for tests that tamper with cookies.
var EncodeCookie = encodeCookie
