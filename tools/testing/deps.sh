#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install what the project's commands need beyond a bare Debian, and unpack
# Debian's kernel source into the cache. Costs next to nothing when all is there.
# The source of the newest kernel that Parley serves (source-7.3) comes from a
# suite that the machine need not know: it is unpacked, never installed.
#
#   deps.sh              everything but dkms and source-7.3
#   deps.sh GROUP...     only these groups: run build test check dkms source source-7.3
#   deps.sh --list       print the package names of all groups
set -euo pipefail

CACHE=${PARLEY_CACHE:-$HOME/.cache/parley}
SERIES=6.12
NEWEST=7.3 NEWEST_SUITE=trixie-backports
HERE=$(cd "$(dirname "$0")" && pwd)

# One package a line: name | groups | why. Whoever needs another adds a line.
packages() {
	cat <<-'END'
	gcc                      | build          | compiles modules and the user-space core
	make                     | build          | kbuild
	libc6-dev                | build          | the user-space core
	linux-headers-6.12-amd64 | build          | what the modules are built against
	kmod                     | run            | depmod for the guest's module tree
	cpio                     | run            | initramfs archives
	busybox-static           | run            | user space of the smallest guest
	qemu-system-x86          | run            | every guest
	qemu-utils               | run            | qemu-img, disk images for scenarios
	socat                    | run            | talks to QEMU's monitor socket
	fio                      | run            | block I/O with verification
	e2fsprogs                | run            | mkfs.ext4 and fsck on our disks
	fdisk                    | test           | sfdisk: partitions on them
	debootstrap              | test           | a small Debian for a guest
	udev                     | test           | what it makes of our disks
	lvm2                     | test           | the same
	grub-common              | test           | the same
	python3                  | run test check | the drivers of these commands
	ca-certificates          | run            | package downloads over https
	xz-utils                 | test run       | unpacks the kernel source and modules
	flex                     | test           | builds the debug kernel
	bison                    | test           | builds the debug kernel
	bc                       | test           | builds the debug kernel
	libelf-dev               | test           | builds the debug kernel (objtool)
	libssl-dev               | test           | builds the debug kernel
	rsync                    | test           | copies kernel headers
	linux-source-6.12        | test           | debug kernel, graft, checkpatch
	clang-14                 | test           | libFuzzer and the sanitizers
	libclang-rt-14-dev       | test           | libFuzzer and the sanitizers
	spin                     | test           | model checks the notification orderings
	valgrind                 | test           | callgrind counts instructions
	perl                     | check          | checkpatch and kernel-doc
	git                      | check          | tells which files are ours
	shellcheck               | check          | our shell scripts
	python3-docutils         | check          | our reST pages
	python3-pyroute2         | run            | the parley command talks netlink
	python3-yaml             | test check     | reads the netlink specification
	python3-jsonschema       | test check     | checks it against the kernel's schema
	libvirt0                 | check          | its schema, for the domains in our pages
	libxml2-utils            | check          | checks them
	sparse                   | check          | type and lock annotations
	coccinelle               | check          | the kernel's semantic patches
	dkms                     | dkms           | make dkms-install
	END
}

# Names of the packages in the given groups, of all groups without one.
names() {
	local pkg groups g
	while IFS='|' read -r pkg groups _; do
		[ $# -gt 0 ] || echo "${pkg%% *}"
		for g in "$@"; do
			case " $groups" in
			*" $g "*) echo "${pkg%% *}"; break ;;
			esac
		done
	done < <(packages)
}

say() { echo "deps: $*" >&2; }
die() { say "$*"; exit 1; }

missing() {
	local have
	# dpkg-query fails as soon as one package is unknown, which is no error here.
	have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
	local pkg
	for pkg in "$@"; do
		case $'\n'"$have"$'\n' in
		*$'\n'"$pkg installed"$'\n'*) ;;
		*) echo "$pkg" ;;
		esac
	done
}

install_packages() {
	command -v dpkg-query >/dev/null ||
		die "this is not Debian; install the equivalents of: $*"
	local need
	need=$(missing "$@" | tr '\n' ' ')
	[ -n "$need" ] || return 0

	command -v apt-get >/dev/null || die "no apt-get; packages missing: $need"
	local root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "run as root: apt-get install $need"
		root=sudo
	fi
	say "installing $need"
	local log
	log=$(mktemp)
	# shellcheck disable=SC2086 # need is a list, root may be empty
	if ! { $root apt-get -q update &&
	       $root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
			-o DPkg::Lock::Timeout=300 \
			install --no-install-recommends $need; } >"$log" 2>&1; then
		tail -n 15 "$log" >&2
		rm -f "$log"
		die "apt-get could not install: $need(Debian 12 with its security updates is what we expect)"
	fi
	rm -f "$log"
}

# The pristine trees every other command reads; nobody may write to them.
# unpack_source SERIES GET: GET unpacks the archive below a folder, if need be,
# and prints where it is.
unpack_source() {
	local series=$1 dir="$CACHE/linux-source-$1"
	[ -e "$dir/Makefile" ] && return 0
	mkdir -p "$CACHE"
	(
		flock 9
		[ -e "$dir/Makefile" ] && exit 0 # another run was faster
		tmp=$(mktemp -d "$CACHE/unpack.XXXXXX")
		trap 'rm -rf "$tmp"' EXIT
		archive=$("$2" "$tmp")
		say "unpacking linux-source-$series into $CACHE"
		tar -C "$tmp" -xf "$archive"
		mv "$tmp/linux-source-$series" "$dir"
	) 9>"$CACHE/source.lock"
}

get_installed() {
	install_packages linux-source-$SERIES xz-utils >&2 &&
		echo "/usr/src/linux-source-$SERIES.tar.xz"
}

get_newest() { # FOLDER
	install_packages xz-utils >&2 &&
		"$HERE/archive-get" "$NEWEST_SUITE" "$1" linux-source-$NEWEST >&2 &&
		echo "$1/usr/src/linux-source-$NEWEST.tar.xz"
}

main() {
	local groups=() source=no newest=no g pkgs
	[ $# -gt 0 ] || set -- run build test check source
	for g in "$@"; do
		case $g in
		--list) names | sort -u; exit 0 ;;
		source) source=yes ;;
		source-7.3) newest=yes ;;
		run | build | test | check | dkms) groups+=("$g") ;;
		*) die "unknown group '$g'; see the head of $0" ;;
		esac
	done
	if [ ${#groups[@]} -gt 0 ]; then
		# A guest without modules to load is of no use: run needs build.
		mapfile -t pkgs < <(names "${groups[@]}" build)
		install_packages "${pkgs[@]}"
	fi
	[ "$source" = no ] || unpack_source $SERIES get_installed
	[ "$newest" = no ] || unpack_source $NEWEST get_newest
}

main "$@"
