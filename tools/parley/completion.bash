# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of parley for bash: source it, or install it as
# /usr/share/bash-completion/completions/parley.

_parley_options()	# _parley_options VERB
{
	case $1 in
	status)		echo "--all" ;;
	stats)		echo "--queue --watch --count --workers" ;;
	limit)		echo "--queue --ops --bytes --ops-burst --bytes-burst --off" ;;
	moderation)	echo "--queue --requests --us --off" ;;
	polling)	echo "--queue --us --budget --off" ;;
	lane)		echo "--queue" ;;
	takeover|giveback) echo "--all-of-type --force" ;;
	loopback)	echo "--queues --queue-size --ring --serial --read-only --poll --buffered" ;;
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
	status:0|stats:0|limit:0|moderation:0|polling:0|lane:0)
		"$1" complete devices 2>/dev/null ;;
	esac
}

_parley_is_flag()	# _parley_is_flag OPTION: no value follows it
{
	[[ $1 =~ ^--(all|off|json|help|force|workers|read-only|poll|buffered)$ ]]
}

_parley()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]-} n before=0 words
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words="status stats limit moderation polling lane takeover giveback loopback --help --version"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		return
	fi
	case $previous in
	--all-of-type)	words=$("$1" complete types 2>/dev/null) ;;
	--ring)		words="split packed" ;;
	--queue)	words=all ;;
	--*burst|--ops|--bytes|--us|--budget|--requests|--watch|--count|--queues|\
	--queue-size|--serial) return ;;
	*)
		for ((n = 2; n < COMP_CWORD; n++)); do
			[[ ${COMP_WORDS[n]} == -* ]] && continue
			[[ ${COMP_WORDS[n - 1]} == -* ]] &&
				! _parley_is_flag "${COMP_WORDS[n - 1]}" && continue
			((++before))
		done
		if [[ $verb == loopback && $current != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			return
		fi
		if [[ $current == -* ]]; then
			words="$(_parley_options "$verb") --json --help"
		else
			words=$(_parley_words "$1" "$verb" "$before")
		fi ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _parley parley
