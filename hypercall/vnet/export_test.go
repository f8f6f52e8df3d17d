package vnet

// Addresses is how many addresses a switch knows.
func Addresses(s *Switch) int { return len(s.addresses) }
