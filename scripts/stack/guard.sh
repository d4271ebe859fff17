#!/bin/sh
# Usage: guard.sh <program> [arguments]
# Runs a program and asks it to end (SIGTERM) as soon as standard input closes, which the kernel does when the process
# at the other end is gone, however it ended. Exits with the program's code.
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{
  cat <&3
  kill -TERM $program
} >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait $program
code=$?
# From here on its process id may be somebody else's.
kill $watcher 2>/dev/null
exit $code
