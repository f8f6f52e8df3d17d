#!/bin/sh
# A campaign by GNU parallel, on this machine or on those of a file:
#
#   examples/campaign/campaign.sh SCENARIO RANGES SEEDS [parallel's flags...] >campaign.jsonl
#   examples/campaign/campaign.sh examples/sim/ledger.star 100 1000 --sshloginfile hosts >campaign.jsonl
#   jq -c 'select(.failed)' campaign.jsonl
#
# Range N is the seeds from N*SEEDS on. Each machine needs the command anykernel, a
# kit, and the scenario at the same path. What is done stands in campaign.log: the
# same line with --resume goes on where a campaign was broken off. The exit status
# is the number of ranges in which a run failed.
set -eu
[ $# -ge 3 ] || { sed -n '4,5s/^#   //p' "$0" >&2; exit 2; }
scenario=$1 ranges=$2 seeds=$3
shift 3
seq 0 $((ranges - 1)) | parallel --jobs 1 --joblog campaign.log "$@" \
  "anykernel sim --seeds \$(({} * $seeds))..\$(({} * $seeds + $seeds - 1)) $scenario"
