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

# Waiting has no limit here: how long a machine takes is not known, and the
# run as a whole has one.

# ended NAME: whether a guest is gone, and its console's log is whole.
ended() {
	! xl domid $1 >/dev/null 2>&1 && ! ls -l /proc/$(pidof xenconsoled)/fd | grep -q guest-$1.log
}

# finish NAME: waits until a guest has ended, and shows its console.
finish() {
	until ended $1; do sleep 0.2; done
	cat /var/log/xen/console/guest-$1.log
	echo "-- $1"
}

# guest NAME: runs one from start to end.
guest() {
	start $1
	finish $1
}

# says NAME PATTERN: whether the guest's console has said something.
says() { grep -q "$2" /var/log/xen/console/guest-$1.log 2>/dev/null; }

# await NAME PATTERN: waits until it does, or the guest has ended.
await() {
	until says $1 "$2"; do
		if ended $1; then
			says $1 "$2" && return
			echo "guest $1 has ended, and did not say: $2"
			return 1
		fi
		sleep 0.2
	done
}

# move NAME: saves a guest, and restores it in a new domain. Its number is in $id.
move() {
	xl save $1 /tmp/saved >/tmp/xl.log 2>&1 && xl restore /tmp/saved >>/tmp/xl.log 2>&1 || cat /tmp/xl.log
	rm -f /tmp/saved
	id=$(xl domid $1)
}

. /guests/script
echo "dom0 is done"
sleep 1000
