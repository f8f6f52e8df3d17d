#!/bin/sh
# Hotplug of a network interface: dom0 is 10.9.0.1, and gives addresses by DHCP.
export PATH=/bin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
[ "$1" = online ] || exit 0
ifconfig $vif 10.9.0.1 netmask 255.255.255.0 up
printf 'start 10.9.0.2\nend 10.9.0.2\ninterface %s\nlease_file /tmp/leases\noption subnet 255.255.255.0\noption router 10.9.0.1\n' $vif >/tmp/udhcpd.conf
touch /tmp/leases
udhcpd -S /tmp/udhcpd.conf
xenstore-write $XENBUS_PATH/hotplug-status connected
