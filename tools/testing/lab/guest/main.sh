# SPDX-License-Identifier: GPL-2.0-only
# The main job: verified I/O on four equal disks, two through Parley. Lines
# "ROW DISK ..." are for tools/testing/run-main.
. "$LAB_ENV"; . "$LAB_LIB"

# Reads of these two sectors mark the measured part in QEMU's trace.
begin=131000
end=131001

mark()		# mark DISK SECTOR
{
	dd if="/dev/$1" of=/dev/null bs=512 skip="$2" count=1 iflag=direct 2>/dev/null
}

# Prints the bytes that fio wrote and the bytes it read back and compared; fails
# with fio, which fails at the first block that is not what was written.
verified()	# verified DISK
{
	fio --name=verify --filename="/dev/$1" --rw=randwrite --bs=4k --size=16M \
		--iodepth=16 --iodepth_batch=8 --iodepth_batch_complete_max=8 \
		--ioengine=libaio --direct=1 --verify=crc32c \
		--verify_fatal=1 --output-format=json --output=/tmp/fio.json \
		</dev/null || return 1
	python3 - <<-'END'
	import json
	job = json.load(open("/tmp/fio.json"))["jobs"][0]
	print(job["write"]["io_bytes"], job["read"]["io_bytes"])
	END
}

# 16 MiB that the host finds again in the image file, after the guest is gone.
handed_over()	# handed_over DISK: prints their SHA-256
{
	head -c 16M /dev/urandom >/tmp/data
	dd if=/tmp/data of="/dev/$1" bs=1M seek=32 oflag=direct conv=fsync \
		2>/dev/null </dev/null || return 1
	sha256sum </tmp/data | cut -d ' ' -f 1
}

load
check "take the first disk over" bind_to parley_pci 0000:00:10.0
check "take the second disk over" bind_to parley_pci 0000:00:11.0

for serial in parley-split parley-packed mainline-split mainline-packed; do
	wait_for 10 disk $serial || bail "no disk with serial $serial"
	name=$(disk $serial)
	driver=$(driver_of "$(pci_of "$name")")
	case $serial in
	parley-*)	is "$driver" parley_pci "$serial is ours" ;;
	*)		is "$driver" virtio-pci "$serial is mainline's" ;;
	esac
	echo none >"/sys/block/$name/queue/scheduler"
	mark "$name" $begin
	bytes=$(verified "$name")
	is "${bytes%% *}" 16777216 "$serial: fio wrote 16 MiB and found them again"
	mark "$name" $end
	sum=$(handed_over "$name")
	is ${#sum} 64 "$serial: 16 MiB for the host to compare"
	echo "# ROW $serial $name $driver ${bytes% *} ${bytes#* } $sum"
done

errors=$(cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u)
is "$errors" 0 "no queue of ours saw an error"
check "give the first disk back" bind_back 0000:00:10.0
check "give the second disk back" bind_back 0000:00:11.0
is "$(driver_of 0000:00:10.0) $(driver_of 0000:00:11.0)" "virtio-pci virtio-pci" \
	"mainline has both again"
check "unload" unload
finish
