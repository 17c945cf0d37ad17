#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install what the project's commands need beyond a bare Debian 12 or 13, and
# unpack Debian's kernel with its headers (kernel) and its source (source) into the
# cache. Costs next to nothing when all is there. The source of the newest kernel
# that Parley serves (source-7.3) comes from a suite that the machine need not
# know. No kernel is ever installed: to have a newer one than is in the cache,
# remove that one there.
#
#   deps.sh              what make test, make check and make bench need
#   deps.sh GROUP...     only these groups: run build test check dkms package soak
#                        kernel source source-7.3; run and build include kernel
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
	pahole                   | build          | type information of modules; brings libelf for objtool
	kmod                     | run            | depmod for the guest's module tree
	busybox-static           | run            | user space of the smallest guest
	qemu-system-x86          | run            | every guest
	fio                      | run            | block I/O with verification
	e2fsprogs                | run            | mkfs.ext4 and fsck on our disks
	fdisk                    | test           | sfdisk: partitions on them
	debootstrap              | test           | a small Debian for a guest
	udev                     | test           | what it makes of our disks
	lvm2                     | test           | the same
	grub-common              | test           | the same
	python3                  | run test check | the drivers of these commands
	ca-certificates          | run            | package downloads over https
	zstd                     | run            | unpacks the kernel that guests boot
	xz-utils                 | test           | unpacks the kernel source
	flex                     | test           | builds the debug kernel
	bison                    | test           | builds the debug kernel
	bc                       | test           | builds the debug kernel
	libelf-dev               | test           | builds the debug kernel (objtool)
	libssl-dev               | test           | builds the debug kernel
	rsync                    | test           | copies kernel headers
	linux-source-6.12        | test           | debug kernel, graft, checkpatch
	clang                    | test           | libFuzzer and the sanitizers
	libclang-rt-dev          | test           | libFuzzer and the sanitizers
	spin                     | test           | model checks the notification orderings
	valgrind                 | test           | callgrind counts instructions
	perl                     | check          | checkpatch and kernel-doc
	git                      | check          | tells which files are ours
	shellcheck               | check          | our shell scripts
	python3-sphinx           | check          | our reST pages
	python3-pyroute2         | run            | the parley command talks netlink
	python3-yaml             | test check     | reads the netlink specification
	python3-jsonschema       | test check     | checks it against the kernel's schema
	libvirt0                 | check          | its schema, for the domains in our pages
	libxml2-utils            | check          | checks them
	sparse                   | check          | type and lock annotations
	coccinelle               | check          | the kernel's semantic patches
	dkms                     | dkms           | make dkms-install
	debhelper                | package        | make deb
	dh-dkms                  | package        | make deb
	build-essential          | package        | make deb
	dpkg-dev                 | package        | make deb
	fakeroot                 | package        | make deb
	lintian                  | package        | judges the packages
	debootstrap              | soak           | a Debian to install our packages in
	gcc-aarch64-linux-gnu    | soak           | the arm64 kernel and modules
	libc6-dev-arm64-cross    | soak           | the first program of an arm64 guest
	qemu-system-arm          | soak           | the arm64 guest
	ovmf                     | soak           | firmware that boots from our disks
	u-boot-qemu              | soak           | the same
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

# Run a command that prints much, and show its last line now and then.
shown() { # WHAT COMMAND...
	local what=$1 log pid rc=0 started=$SECONDS
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1 &
	pid=$!
	while sleep 0.2 && kill -0 $pid 2>/dev/null; do
		((SECONDS - started < 10)) && continue
		started=$SECONDS
		say "$what: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-70)"
	done
	wait $pid || rc=$?
	[ $rc = 0 ] || tail -n 15 "$log" >&2
	rm -f "$log"
	return $rc
}

as_root() {
	[ "$(id -u)" -ne 0 ] || { "$@"; return; }
	command -v sudo >/dev/null || die "run as root: $*"
	sudo "$@"
}

updated=no
update_lists() {
	[ $updated = no ] || return 0
	updated=yes
	shown "lists of packages" as_root apt-get -q update || die "apt-get update failed"
}

install_packages() {
	command -v dpkg-query >/dev/null ||
		die "this is not Debian; install the equivalents of: $*"
	local need
	mapfile -t need < <(missing "$@")
	[ ${#need[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "no apt-get; packages missing: ${need[*]}"
	update_lists
	say "installing ${need[*]}"
	shown "installing" as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 install --no-install-recommends "${need[@]}" ||
		die "apt-get could not install: ${need[*]} (Debian 12 or 13 with its" \
			"security updates is what we expect)"
}

# The newest release of the series that apt knows, of Debian's plain kernels.
newest_kernel() {
	apt-cache search --names-only "^linux-image-$SERIES\.[0-9]+\+deb[0-9]+-amd64-unsigned\$" |
		sed -n 's/^linux-image-\(.*\)-unsigned .*/\1/p' | sort -V | tail -n 1
}

kernel_there() {
	compgen -G "$CACHE/stock-$SERIES.*-amd64/lib/modules/*/modules.dep" >/dev/null
}

# Unpack a kernel and its headers below a folder, as they would lie below /.
download_kernel() { # FOLDER RELEASE
	local debs version=${2%-amd64}
	debs=$(mktemp -d "$1/debs.XXXXXX")
	chmod 755 "$1" "$debs" # apt drops to its own user to write there
	(cd "$debs" && apt-get -q download "linux-image-$2-unsigned" "linux-headers-$2" \
		"linux-headers-$version-common" "linux-kbuild-$version")
	local deb
	for deb in "$debs"/*.deb; do
		dpkg -x "$deb" "$1"
	done
	rm -rf "$debs"
	[ -e "$1/lib" ] || ln -s usr/lib "$1/lib"
	# The one path in them that says where they have to lie.
	# shellcheck disable=SC2016 # make expands it
	sed -i 's,^include /usr/src/,include $(dir $(lastword $(MAKEFILE_LIST)))../,' \
		"$1/usr/src/linux-headers-$2/Makefile"
}

# Install packages and, at the same time, fetch the kernel if it is missing.
install_with_kernel() { # PACKAGE...
	kernel_there && { install_packages "$@"; return; }
	local release fresh
	[ -z "$(missing "$@")" ] || update_lists
	release=$(newest_kernel)
	[ -n "$release" ] || { update_lists; release=$(newest_kernel); }
	[ -n "$release" ] || die "apt knows no linux-image-$SERIES.*-amd64-unsigned: is" \
		"this Debian 12 or 13 with its security updates?"
	fresh=$CACHE/stock-$release.new
	rm -rf "$fresh"
	mkdir -p "$fresh"
	say "fetching the kernel $release and its headers into $CACHE"
	shown "the kernel" download_kernel "$fresh" "$release" &
	local download=$!
	install_packages "$@"
	wait $download || die "cannot fetch the kernel $release: try again after apt-get update"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$fresh" "$release"
	mv "$fresh" "$CACHE/stock-$release"
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
	local groups=() source=no newest=no kernel=no g pkgs
	[ $# -gt 0 ] || set -- run build test check source
	for g in "$@"; do
		case $g in
		--list) names | sort -u; exit 0 ;;
		source) source=yes ;;
		source-7.3) newest=yes ;;
		kernel) groups+=(build) kernel=yes ;;
		# A guest without modules to load is of no use, nor they without a kernel.
		run | build) groups+=("$g" build) kernel=yes ;;
		test | check | dkms | package | soak) groups+=("$g" build) ;;
		*) die "unknown group '$g'; see the head of $0" ;;
		esac
	done
	mkdir -p "$CACHE"
	exec 8>"$CACHE/deps.lock"
	flock 8
	if [ ${#groups[@]} -gt 0 ]; then
		mapfile -t pkgs < <(names "${groups[@]}")
		if [ $kernel = yes ]; then
			install_with_kernel "${pkgs[@]}" kmod
		else
			install_packages "${pkgs[@]}"
		fi
	fi
	[ "$source" = no ] || unpack_source $SERIES get_installed
	[ "$newest" = no ] || unpack_source $NEWEST get_newest
}

main "$@"
