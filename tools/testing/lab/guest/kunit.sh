# SPDX-License-Identifier: GPL-2.0-only
# Loads our modules, KUnit suites among them: loading a suite runs it. The
# results are read from debugfs, whole and without other kernel messages.
. "$LAB_ENV"; . "$LAB_LIB"

results=/sys/kernel/debug/kunit
leaks_forget
for module in $LAB_MODULES; do
	name=${module##*/}
	note "loading $name"
	insmod "$module" || bail "cannot load $name"
	for suite in "$results"/*/; do
		[ -r "$suite/results" ] || continue
		case " $seen " in
		*" $suite "*) continue ;;
		esac
		seen="$seen $suite"
		# Indented: it is below the one result per suite printed here.
		sed 's/^/    /' "$suite/results"
		if grep -q '^not ok' "$suite/results"; then
			not_ok "${suite#"$results/"}"
		else
			ok "${suite#"$results/"}"
		fi
	done
done
check "all modules unload again" unload
finish
