# SPDX-License-Identifier: GPL-2.0-only
# A host in a guest: the lab runs here as it does outside.
. "$LAB_ENV"; . "$LAB_LIB"

load
check "KVM is there" test -c /dev/kvm
export LAB_ACCEL=kvm LAB_CPU=host,-xsave PARLEY_CACHE=$LAB_CACHE
# Without xsave: nested under TCG its layout does not fit what CPUID says.
"$LAB_ROOT/tools/testing/lab/lab" run stock-blk >/tmp/inner 2>&1 </dev/null
is "$?" 0 "the inner guest passes"
sed 's/^/# /' /tmp/inner
finish
