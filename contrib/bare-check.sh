#!/usr/bin/env bash
# Proves that a fresh Debian 12 needs nothing but git, make and a C compiler: makes one in a folder,
# puts the committed and changed files of this tree into it, and runs `make demo` and `make check`
# there. As root; needs debootstrap, the network and about 3 GB.
#
#   contrib/bare-check.sh [FOLDER]
#
#   SUITE=bookworm MIRROR=http://deb.debian.org/debian   what is bootstrapped
#   TARGETS="demo check"                                 what is made there, one after the other
#   KEEP=yes                                             leaves the folder there
set -eu
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
root=${1:-$(mktemp -d /var/tmp/memscope-bare.XXXXXX)}
tree=$(cd "$(dirname "$0")/.." && pwd)

[ "$(id -u)" -eq 0 ] || { echo "bare-check: chroot needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare-check: install debootstrap" >&2; exit 1; }

mounted=
clean_up() {
    for place in $mounted; do umount -l "$place" || :; done
    # Never through a mount that would not go away.
    if [ "${KEEP:-no}" != yes ] && ! grep -q " $root/" /proc/mounts; then
        rm -rf --one-file-system "$root"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$root"
chmod 755 "$root" # PostgreSQL's tests are another user
# A root that is a mount, as a real one: else nobody in there gets a mount namespace.
mount --bind "$root" "$root"
mount --make-private "$root"
mounted=$root
debootstrap --variant=minbase --include=git,make,gcc,libc6-dev,ca-certificates \
    "$suite" "$root" "$mirror"
for place in proc dev dev/pts dev/shm; do
    mkdir -p "$root/$place"
    case $place in
    proc) mount -t proc proc "$root/proc" ;;
    *) mount --bind "/$place" "$root/$place" ;;
    esac
    mounted="$root/$place $mounted"
done
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# What this machine trusts beyond Debian's own, for npm: a network may have a certificate authority.
mkdir -p "$root/usr/local/share/ca-certificates"
for certificate in /usr/local/share/ca-certificates/*.crt; do
    [ ! -e "$certificate" ] || cp -L "$certificate" "$root/usr/local/share/ca-certificates/"
done
chroot "$root" update-ca-certificates >/dev/null
# A package's service must not start beside the ones of this machine.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"

mkdir "$root/src"
(cd "$tree" && git ls-files -z --cached --others --exclude-standard \
    | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done \
    | tar --null --files-from=- -cf -) | tar -C "$root/src" -xf -

in_bare() {
    echo "--- in the bare system: $*"
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        CI="${CI:-}" http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
        sh -c "cd /src && $*" </dev/null
}
targets=${TARGETS:-demo check}
for target in $targets; do in_bare make "$target"; done
echo "bare-check: make $targets: works in a bare $suite"
