# SPDX-License-Identifier: GPL-2.0-only
# Suspend to memory and resume with requests in flight.
#
# QEMU resets every device on the way. Nor do the chipset's power registers come
# back: later rounds go all the way down and up again without QEMU's help, and
# there is no power-off, only a reset, which ends a QEMU with -no-reboot.
. "$LAB_ENV"; . "$LAB_LIB"

if [ ! -e /in-memory ]; then
	load
	for pci in 0000:00:10.0 0000:00:11.0; do
		bind_to parley_pci $pci || bail "cannot take $pci over"
	done
	to_memory fio tail cut
fi

in_flight()	# in_flight DISK: some requests are
{
	local reads writes
	read -r reads writes <"/sys/block/$1/inflight"
	[ $((reads + writes)) -ge 8 ]
}

cat >/tmp/load.fio <<'JOB'
[global]
rw=randwrite
bsrange=4k-32k
direct=1
ioengine=io_uring
iodepth=32
size=2M
time_based
runtime=10
verify=crc32c
verify_fatal=1
[split]
filename=/dev/vdpara
[packed]
filename=/dev/vdparb
JOB
# QEMU forgets this in a reset, and must be told again.
echo "write through" >/sys/block/vdpara/cache_type
fio --minimal /tmp/load.fio >/tmp/out 2>&1 &
job=$!
for round in 1 2 3; do
	wait_for 5 in_flight vdpara && wait_for 5 in_flight vdparb ||
		not_ok "nothing is in flight"
	suspend 1 && ok "suspend and resume, round $round" ||
		not_ok "suspend and resume, round $round"
	sleep 0.5
done
if wait $job; then
	ok "no write was lost and none was false"
else
	not_ok "no write was lost and none was false"
	tail -n 5 /tmp/out | cut -c1-300 | sed 's/^/# /'
fi
is "$(</sys/block/vdpara/cache_type)" "write through" \
	"the device has the cache mode that was set"
broken=$(</sys/bus/pci/devices/0000:00:10.0/parley0/queue0/errors)
is "$broken" 0 "the queue saw no violation"
finish_by_reset
