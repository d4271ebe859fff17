#!/bin/sh
# Usage: guard.sh <folder> <server> [arguments]
# Runs a server, prints its process id, and kills it as soon as standard input closes, which the kernel does when
# the process at the other end is gone, however it ended. The folder is then removed, since nobody else will.
# It ends with the server's exit status. CONTAINER names the Docker container that "server" is the client of, if it is one.
folder=$1
shift
exec 3<&0
"$@" </dev/null >>"$folder/server.log" 2>&1 3<&- &
server=$!
echo $server
{
  cat <&3 >/dev/null
  : >"$folder/orphaned"
  if [ -n "$CONTAINER" ]; then docker rm --force "$CONTAINER"; fi
  kill -KILL $server
} >/dev/null 2>&1 &
watcher=$!
wait $server
status=$?
# From here on its process id may be somebody else's.
kill $watcher 2>/dev/null
if [ -e "$folder/orphaned" ]; then rm -rf "$folder"; fi
exit $status
