# SPDX-License-Identifier: GPL-2.0-only
# Disks and sources of entropy whose devices use what they are given in order.
#
# QEMU 10.0 keeps what was completed out of turn until its turn comes, and looks for
# its place from the oldest request on. Past the end of a ring that is as large as
# its queue it takes a step's length from behind its table, and where that is not
# zero by luck the completion is lost ("cannot fill buffer id" with -d
# guest_errors) and the queue stands still, whoever drives it. In a smaller ring it
# reads a zero of its own. Of a ring that is full to the last descriptor it loses all
# but the oldest completion; a packed ring whose chains lie in itself gets there soon,
# so that disk takes one request at a time.
. "$LAB_ENV"; . "$LAB_LIB"

disks="split packed split-direct packed-direct"
most=/sys/module/parley_guest/parameters/ring_size

features_of()	# features_of PCI: "in-order format", as negotiated
{
	local features
	read -r features <"$(echo "/sys/bus/pci/devices/$1"/parley*/features)"
	echo "${features:35:1} ${features:34:1}"
}

errors()	# errors: every count of violations there is
{
	cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u
}

# The host's and the guest's view of the queues of a disk that stands still.
# It is not asked for its serial number, to which it has to answer as well.
explain()	# explain SERIAL DISK
{
	local queue dir
	for dir in /sys/bus/pci/devices/"$(pci_of "$2")"/parley*/queue*; do
		queue=${dir##*queue}
		note "queue $queue here: $(grep . "$dir"/* 2>/dev/null | sed "s,.*/,," | xargs)"
		note "in QEMU: $(hmp info virtio-queue-status \
			"/machine/peripheral/dev-$1/virtio-backend" "$queue")"
	done
}

# A disk that does nothing for a minute although it has something to do hangs.
verified()	# verified SERIAL WHAT FIO-OPTION...: one test
{
	local serial=$1 what=$2 name before now reads writes pid quiet=0
	shift 2
	name=$(disk "$serial")
	fio --name=verify --filename="/dev/$name" --direct=1 --ioengine=libaio \
		--verify=crc32c --verify_fatal=1 --output-format=terse "$@" \
		>/tmp/fio.out 2>&1 </dev/null &
	pid=$!
	before=
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		# Requests that were completed; other fields count the time.
		read -r reads _ _ _ writes _ <"/sys/block/$name/stat"
		now="$reads $writes"
		quiet=$((quiet + 1))
		[ "$now" = "$before" ] || quiet=0
		before=$now
		[ $quiet -lt 60 ] || {
			explain "$serial" "$name"
			not_ok "$serial: $what: $(cat "/sys/block/$name/inflight") in flight"
			bail "$serial hangs"
		}
	done
	if wait $pid; then
		ok "$serial: $what"
	else
		not_ok "$serial: $what"
		sed 's/^/# /' /tmp/fio.out
	fi
}

load
slot=10
for serial in $disks; do
	size=128
	[ "$serial" = "${serial%-direct}" ] || size=32
	echo $size >$most
	depth=0
	[ "$serial" != packed-direct ] || depth=1
	echo $depth >/sys/module/parley_blk/parameters/queue_depth
	check "take $serial over" bind_to parley_pci "0000:00:$slot.0"
	wait_for 20 disk "$serial" || bail "no disk with serial $serial"
	packed=0
	[ "${serial%-direct}" = split ] || packed=1
	is "$(features_of "0000:00:$slot.0")" "1 $packed" "$serial is in order"
	is "$(cat "/sys/bus/pci/devices/0000:00:$slot.0"/parley*/queue0/size)" $size \
		"its rings are half of what it has"
	slot=$((slot + 1))
done

for serial in $disks; do
	name=$(disk "$serial")
	# Each 8 bytes of the image hold their own offset.
	is "$(dd if="/dev/$name" bs=4k skip=512 count=1 iflag=direct 2>/dev/null |
		od -An -tu8 -N8 | tr -d ' ')" 2097152 "$serial: reads what is there"
	verified "$serial" "all sizes, many in flight" --rw=randwrite \
		--bsrange=512-128k --blockalign=512 --iodepth=32 --size=8M
	verified "$serial" "bursts and readers beside each other" --rw=randrw \
		--bs=4k --iodepth=32 --iodepth_batch=16 \
		--iodepth_batch_complete_max=16 --size=4M --numjobs=2 \
		--offset_increment=8M --offset=8M
	sha256sum "/dev/$name" | cut -d ' ' -f 1 >"/tmp/sum-$serial"
done

echo 4 >$most
for slot in 14 15; do
	check "take the entropy at $slot over" bind_to parley_pci "0000:00:$slot.0"
	is "$(features_of "0000:00:$slot.0")" "1 $((slot - 14))" "it is in order"
	bus=$(echo "/sys/bus/pci/devices/0000:00:$slot.0"/parley*)
	echo "${bus##*/}" >/sys/class/misc/hw_random/rng_current
	is "$(cat /sys/class/misc/hw_random/rng_current)" "${bus##*/}" \
		"the kernel reads from it"
	is "$(timeout 60 head -c 16384 /dev/hwrng | wc -c)" 16384 "it gives 16 KiB"
done
is "$(errors)" 0 "no queue saw an error"

slot=10
for serial in $disks; do
	bind_back "0000:00:$slot.0" || bail "mainline does not take $serial"
	wait_for 20 disk "$serial" || bail "no disk with serial $serial"
	is "$(sha256sum "/dev/$(disk "$serial")" | cut -d ' ' -f 1)" \
		"$(cat "/tmp/sum-$serial")" "$serial: mainline reads what ours wrote"
	slot=$((slot + 1))
done
check "unload" unload
finish
