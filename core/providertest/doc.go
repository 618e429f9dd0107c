// Package providertest is the conformance suite for payment systems: every
// adapter passes it, against the payment system's sandbox or an imitation.
//
//	func TestProvider(t *testing.T) {
//		providertest.Run(t, func(t *testing.T) providertest.Harness { … })
//	}
//
// It tests what the core relies on: that a key is charged once whatever
// happens, that declines are outcomes, that no error claims more than is known,
// and that no error shows a token. What the payment system was told on the
// wire, and webhooks, are tests of the adapter itself.
package providertest
