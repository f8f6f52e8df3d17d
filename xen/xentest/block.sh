#!/bin/sh
# Hotplug of a disk that is a file: a loop device.
export PATH=/bin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
[ "$1" = add ] || exit 0
device=$(losetup -f)
losetup $device $(xenstore-read $XENBUS_PATH/params)
numbers=$(ls -l $device | awk '{ sub(",", "", $5); printf "%x:%x", $5, $6 }')
xenstore-write $XENBUS_PATH/node $device $XENBUS_PATH/physical-device $numbers $XENBUS_PATH/hotplug-status connected
