// Package operators implements the use cases of operators: the people that manage
// billing at the admin panel and at the command line:
//
//	Catalog    changes plans and payment systems, and audits each change
//	Panel      reads the data of the panel's pages
//	PanelAuth  manages the panel's accounts and sessions
//
// Catalog and Panel check the operator's role in every method, so that an adapter
// need not. The command line alone manages accounts.
//
// Not here: payments (core/payments) and the pages themselves (adapters/admin).
package operators
