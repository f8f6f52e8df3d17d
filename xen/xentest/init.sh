#!/bin/sh
# The first process of dom0: Xen's daemons, then the test's script, then off.
export PATH=/bin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
exec </dev/console >/dev/console 2>&1
for m in xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs loop xen-netback xen-blkback; do
	insmod /lib/mod/$m.ko
done
mount -t xenfs xenfs /proc/xen
xenstored --pid-file /run/xen/xenstored.pid
xen-init-dom0
xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console
ifconfig lo 127.0.0.1 up
echo "dom0 is ready"

# guest NAME: creates one, and shows its console when it has ended.
guest() {
	echo "== $1"
	xl create -q /guests/$1.cfg
	await $1 - gone
	sleep 0.2
	cat /var/log/xen/console/guest-$1.log
	echo "-- $1"
}

# await NAME PATTERN: waits until the guest's console says something, or the guest is gone.
await() {
	i=0
	while [ $i -lt 200 ]; do
		case "$3" in
		gone) xl domid $1 >/dev/null 2>&1 || return 0 ;;
		*) grep -q "$2" /var/log/xen/console/guest-$1.log && return 0 ;;
		esac
		sleep 0.2
		i=$((i + 1))
	done
	echo "guest $1: nothing came: $2"
	return 1
}

. /guests/script
echo "dom0 is done"
poweroff -f
