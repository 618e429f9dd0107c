package billing

// DefaultGroup is the group of a plan unless an operator chooses another one.
const DefaultGroup = "main"
