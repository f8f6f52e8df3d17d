#!/bin/sh
# The first process of dom0: Xen's daemons, then the script of a run.
export PATH=/bin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
exec </dev/console >/dev/console 2>&1
for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk \
	xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs loop xen-netback xen-blkback; do
	insmod /lib/mod/$m.ko
done
mount -t xenfs xenfs /proc/xen
xenstored --pid-file /run/xen/xenstored.pid
xen-init-dom0
xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console
ifconfig lo 127.0.0.1 up
stty -echo
echo "dom0 is ready"

# Here the machine is saved. What follows is every run's own, on a disk that
# may have been another's.
read go
echo "dom0 goes on"
echo 3 >/proc/sys/vm/drop_caches
mkdir -p /guests
cd /guests
cpio -i </dev/vda 2>/dev/null
cd /

# start NAME: creates one, which goes on by itself. Its number is in $id.
start() {
	echo "== $1"
	xl create -q /guests/$1.cfg
	id=$(xl domid $1)
}

# finish NAME: waits until it has ended, and shows its console.
finish() {
	await $1 - gone
	sleep 0.2
	cat /var/log/xen/console/guest-$1.log
	echo "-- $1"
}

# guest NAME: runs one from start to end.
guest() {
	start $1
	finish $1
}

# await NAME PATTERN: waits until the guest's console says something.
# await NAME - gone: until the guest is gone.
await() {
	i=0
	while [ $i -lt 300 ]; do
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
sleep 1000
