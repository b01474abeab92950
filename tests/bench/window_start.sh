#!/usr/bin/env bash
# Starts the program given, under the X server of $DISPLAY, five times; prints the median time until its
# window is mapped and its private and shared resident memory, as JSON.
set -euo pipefail
openbox >/dev/null 2>&1 &
manager=$!
trap 'kill $manager' EXIT
times=()
for _ in 1 2 3 4 5; do
    start=$(date +%s%N)
    "$1" >/dev/null 2>&1 &
    program=$!
    # Not --sync, which looks only every half second.
    until xdotool search --onlyvisible --pid $program >/dev/null 2>&1; do :; done
    end=$(date +%s%N)
    times+=($(((end - start) / 1000000)))
    rss=$(awk '/^VmRSS/ { print $2 }' /proc/$program/status)
    kill $program
    wait $program || true
done
median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 3p)
printf '{"ms": %d, "mib": %d.%d}\n' "$median" $((rss / 1024)) $((rss % 1024 * 10 / 1024))
