#!/bin/sh
# Runs in its own namespaces (see machine.py): boots the Debian system in $1 through an overlay with its changes in $2,
# with the source $3 mounted as /source and the wheels $4 as /wheels.
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
# pivot_root, not chroot: in a chroot the kernel forbids user namespaces, which the service uses.
cd "$root"
mkdir -p .before
pivot_root . .before
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c 'umount -l /.before && exec /lib/systemd/systemd --log-target=journal'
