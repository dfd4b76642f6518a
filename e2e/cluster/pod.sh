#!/bin/sh
# For a Pod that is a process of this machine: what a kubelet would do with the charts' preStop. It goes on for two seconds while the others hear that
# it leaves, and has three of its five to drain.
"$@" &
child=$!
trap 'sleep 2; kill -TERM "$child"' TERM
code=0
while kill -0 "$child" 2> /dev/null; do
  wait "$child"
  code=$?
done
exit "$code"
