#!/bin/sh
# Peer G: GDCM's scanner prints a table of 30 tags for a folder. It has one thread and its own order.
#   gdcm_scan.sh FOLDER
set -eu
folder=$1
tags="8,5 8,8 8,16 8,18 8,20 8,21 8,30 8,31 8,50 8,60 8,70 8,80 8,90 8,1030 8,103e 8,1090 10,10 10,20 10,30 10,40
18,50 18,88 18,1030 20,d 20,e 20,11 20,13 20,32 28,10 28,30"
arguments=""
for tag in $tags; do arguments="$arguments -t $tag"; done
begin=$(date +%s.%N)
# shellcheck disable=SC2086  # the arguments are words
instances=$(gdcmscanner --table -p -r -d "$folder" $arguments 2>/dev/null | grep -c "^\"" || true)
end=$(date +%s.%N)
awk -v n="$instances" -v b="$begin" -v e="$end" \
  'BEGIN { s = e - b; printf "instances_per_second=%.0f\nseconds=%.4f\ninstances=%d\nfailed=0\n", n / s, s, n }'
