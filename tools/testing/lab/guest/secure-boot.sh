# SPDX-License-Identifier: GPL-2.0-only
# What a kernel that enforces signatures says to our modules: without one, and
# with one by a key that nobody has enrolled. Documentation/install.rst tells it.
. "$LAB_ENV"; . "$LAB_LIB"

core=${LAB_MODULES%% *}
sign_file=$LAB_TREE/usr/src/linux-headers-$(uname -r)/scripts/sign-file
work=$(mktemp -d)

refused()	# refused MODULE WHAT-THE-KERNEL-SAYS
{
	dmesg --clear
	insmod "$1" 2>"$work/said" && return 1
	note "$(cat "$work/said")"
	note "$(dmesg | tail -n 1)"
	grep -q "Key was rejected by service" "$work/said" && dmesg | grep -q "$2"
}

is "$(cat /sys/module/module/parameters/sig_enforce)" Y "signatures are enforced"
check "the kernel's own modules load" modprobe loop
check "a module without a signature is refused" \
	refused "$core" "Loading of unsigned module is rejected"
# As DKMS makes its key, and signs.
check "a key is made" openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 \
	-subj "/CN=DKMS module signing key" -outform DER \
	-keyout "$work/mok.key" -out "$work/mok.pub"
cp "$core" "$work/signed.ko"
check "the module is signed" "$sign_file" sha256 "$work/mok.key" "$work/mok.pub" \
	"$work/signed.ko"
is "$(modinfo -F signer "$work/signed.ko")" "DKMS module signing key" \
	"modinfo says who signed it"
check "a module is refused whose key is not enrolled" \
	refused "$work/signed.ko" "Loading of module with unavailable key is rejected"
finish
