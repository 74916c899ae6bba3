#!/bin/sh
# Runs in namespaces of its own (see machine.py): boots the Debian in $1, seen through an overlay whose changes go
# to $2, with the source in $3 readable as /source and the wheels in $4 as /wheels.
set -eu
base=$1 changes=$2 source=$3 wheels=$4 root=$2/root
mount --make-rprivate /
mkdir -p "$changes/upper" "$changes/work" "$root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$changes/upper,workdir=$changes/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mkdir -p "$root/source" "$root/wheels"
mount --bind -o ro "$source" "$root/source"
mount --bind -o ro "$wheels" "$root/wheels"
ip link set lo up
# A new root, not a chroot: in a chroot the kernel allows no user namespaces, and the service wants one.
cd "$root"
mkdir -p .before
pivot_root . .before
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c 'umount -l /.before && exec /lib/systemd/systemd --log-target=journal'
