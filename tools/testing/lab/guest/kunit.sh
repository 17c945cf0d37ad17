# SPDX-License-Identifier: GPL-2.0-only
# Loads our modules, KUnit suites among them: loading a suite runs it. The
# results are read from debugfs, whole and without other kernel messages.
. "$LAB_ENV"; . "$LAB_LIB"

results=/sys/kernel/debug/kunit

report()	# report SUITE: its KTAP, below one result line of ours
{
	sed 's/^/    /' "$results/$1/results"
	if grep -q '^not ok' "$results/$1/results"; then
		not_ok "$1"
	elif ! grep -q '^    ok' "$results/$1/results"; then
		not_ok "$1: none of its tests was run"
	else
		ok "$1"
	fi
}

params()	# params MODULE: of the scenario's PARAMS, MODULE.NAME=VALUE, those for it
{
	local word
	for word in ${PARAMS-}; do
		case $word in
		"$1".*) echo "${word#*.}" ;;
		esac
	done
}

load_stock
leaks_forget
seen=" "
for module in $LAB_MODULES; do
	name=${module##*/}
	note "loading $name"
	# shellcheck disable=SC2046 # a word for each
	insmod "$module" $(params "${name%.ko}") || bail "cannot load $name"
	before=$seen
	for suite in "$results"/*/; do
		suite=${suite#"$results/"}
		suite=${suite%/}
		case $seen in
		*" $suite "*) continue ;;
		esac
		[ -r "$results/$suite/results" ] || continue
		seen="$seen$suite "
		report "$suite"
	done
	case $name in
	*_kunit.ko) [ "$seen" != "$before" ] || not_ok "$name brought no suite" ;;
	esac
done
check "all modules unload again" unload
finish
