# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of parley for bash: source it, or install it as
# /usr/share/bash-completion/completions/parley.

_parley_options()	# _parley_options VERB
{
	case $1 in
	status)		echo "--all" ;;
	stats)		echo "--queue --watch --count --workers --openmetrics" ;;
	backends)	echo "--forget --name" ;;
	limit)		echo "--queue --backend --ops --bytes --ops-burst --bytes-burst" \
				"--ops-guaranteed --bytes-guaranteed --off" ;;
	moderation)	echo "--queue --requests --us --adaptive --off" ;;
	polling)	echo "--queue --us --budget --off" ;;
	lane)		echo "--queue" ;;
	pool)		echo "--threads --one-vm --class --weight" ;;
	takeover|giveback) echo "--all-of-type --force --at-boot" ;;
	loopback)	echo "--queues --queue-size --ring --serial --read-only --poll --buffered --block-size" ;;
	sched)		echo "--qmp --nodes --hand-over --once --dry-run --status --restore --bound --interval --window --high" \
				"--low --hold --hold-max --trial --trust --least" ;;
	vf)		echo "--all --on-demand --uuid --how --keep --delete --type --policy --beside" ;;
	esac
}

# Words that stand by themselves: what the verb is about.
_parley_words()		# _parley_words COMMAND VERB HOW-MANY-CAME-BEFORE
{
	case $2:$3 in
	takeover:*|giveback:*)
		"$1" complete addresses 2>/dev/null ;;
	lane:1)
		echo "latency normal bulk" ;;
	pool:0)
		echo "add set remove attach detach" ;;
	pool:1)
		"$1" complete devices 2>/dev/null ;;
	vf:*)
		_parley_vf "$1" "$3" ;;
	sched:0)
		echo "governor register clock" ;;
	status:0|stats:0|limit:0|moderation:0|polling:0|lane:0)
		"$1" complete devices 2>/dev/null ;;
	esac
}

# Of vf, from what was typed: what of virtual functions, and then its words.
_parley_vf()		# _parley_vf COMMAND HOW-MANY-CAME-BEFORE
{
	local words=("${typed[@]:2}")
	case $2:${words[0]}:${words[1]} in
	0:*)		echo "list show check take release pool birth death erase plan policy" ;;
	1:policy:*)	echo "check load show audit reference" ;;
	2:policy:check|4:policy:load) compgen -f -- "$current" ;;
	2:policy:reference) echo "nvme hci" ;;
	2:policy:*)	"$1" complete parents 2>/dev/null ;;
	3:policy:load|3:policy:show|3:policy:audit)
			# A Bluetooth controller is of one type, which nobody has to say.
			if [[ ${words[2]} != *hci* ]]; then
				"$1" complete kinds "${words[2]}" 2>/dev/null
			elif [[ ${words[1]} == load ]]; then
				compgen -f -- "$current"
			fi ;;
	1:list:*)	;;
	1:*)		"$1" complete vf 2>/dev/null ;;
	esac
}

_parley_is_flag()	# _parley_is_flag OPTION: no value follows it
{
	[[ $1 =~ ^--(all|off|json|help|force|at-boot|workers|openmetrics|read-only|poll|buffered|one-vm|adaptive|on-demand|keep|delete|once|dry-run|status|restore)$ ]]
}

_parley_reply()		# _parley_reply CHOICES CURRENT
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
	# Bash takes a word apart at colons, and replaces the last part only.
	[[ $COMP_WORDBREAKS != *:* ]] ||
		COMPREPLY=("${COMPREPLY[@]#"${2%"${2##*:}"}"}")
}

_parley()
{
	local line=${COMP_LINE:0:COMP_POINT} typed current previous n before=0 choices
	COMPREPLY=()
	# Words between blanks: those of bash are cut at the colons of an address.
	read -ra typed <<<"$line"
	[[ $line != *[[:blank:]] ]] || typed+=("")
	current=${typed[-1]} previous=${typed[-2]}
	if ((${#typed[@]} == 2)); then
		choices="status stats backends limit moderation polling lane pool takeover giveback loopback vf sched"
		_parley_reply "$choices --help --version" "$current"
		return
	fi
	[[ $current != --*=* ]] || previous=${current%%=*}
	case $previous in
	--all-of-type)	choices=$("$1" complete types 2>/dev/null) ;;
	--ring)		choices="split packed" ;;
	--queue)	choices=all ;;
	--beside)	choices=$("$1" complete vf 2>/dev/null | grep -v :) ;;
	--policy|--qmp)
		mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
		return ;;
	--how)		choices="write-zeroes deallocate-and-verify format" ;;
	--class)	choices="latency normal bulk" ;;
	--bound)	choices="keep move" ;;
	--*burst|--*guaranteed|--backend|--forget|--name|--ops|--bytes|--us|--budget|--requests|--watch|--count|--queues|--threads|--weight|\
	--queue-size|--serial|--uuid|--type|--interval|--nodes|--hand-over|--window|--high|--low|--hold|--hold-max|--trial|--trust|\
	--least) return ;;
	*)
		for ((n = 2; n < ${#typed[@]} - 1; n++)); do
			[[ ${typed[n]} == -* ]] && continue
			[[ ${typed[n - 1]} == -* && ${typed[n - 1]} != *=* ]] &&
				! _parley_is_flag "${typed[n - 1]}" && continue
			((++before))
		done
		if [[ ${typed[1]} == loopback && $current != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
			return
		fi
		if [[ $current == -* ]]; then
			choices="$(_parley_options "${typed[1]}") --json --help"
		else
			choices=$(_parley_words "$1" "${typed[1]}" "$before")
		fi ;;
	esac
	if [[ $current == --*=* ]]; then
		# What bash replaces is what follows the sign.
		mapfile -t COMPREPLY < <(compgen -W "$choices" -- "${current#*=}")
	else
		_parley_reply "$choices" "$current"
	fi
}

complete -F _parley parley
