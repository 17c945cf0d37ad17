# SPDX-License-Identifier: GPL-2.0-only
# locktorture is mainline's, with two types more: tools/examples. It says itself how it
# ended; a writer that finds another inside is a WARN as well.
. "$LAB_ENV"; . "$LAB_LIB"

said()		# said TYPE PATTERN: the last line that has it, since that type began
{
	dmesg | awk -v begin="$1-torture:--- Start of test" '
		index($0, begin) { on = 1 }
		on' | grep -E "$2" | tail -n 1
}

torture()	# torture TYPE
{
	insmod "$tool" torture_type="$1" nwriters_stress=8 stat_interval=5 ||
		bail "$1: locktorture does not load"
	sleep "$SECONDS_EACH"
	check "$1: it ends" rmmod parley_locktorture
	note "$(said "$1" Writes)"
	check "$1: it says success" test -n "$(said "$1" 'End of test: SUCCESS')"
	check "$1: somebody wrote" test -n "$(said "$1" 'Writes: +Total: [1-9]')"
	check "$1: nobody was let in beside another" test -n "$(said "$1" 'Writes: .*Fail: 0 *$')"
}

leaks_forget
for module in $LAB_MODULES; do
	case $module in
	*/parley_locktorture.ko) tool=$module ;;
	*) insmod "$module" || bail "cannot load $module" ;;
	esac
done
torture parley_pvlock
torture parley_pvlock_irq
check "our lock unloads" rmmod parley_sched
finish
