// Package device finds a bare guest's devices: network interfaces and disks,
// whatever drives them. It is what programs in a guest start from.
//
//	devices, err := device.Open()
//	nic := devices.NICs[0]
//
// What may be in this room: what all network interfaces and all disks can do,
// and where to look for them. What may not: drivers.
package device
