#!/bin/sh
# What one would write without orchestrate: flock, git worktree, xargs -P5, git merge.
#
#   baseline.sh REPOSITORY FOLDER AGENT_SCRIPT SLEEP PARALLEL BATCHES
#
# BATCHES is a file with one batch a line: its test file, then its agents' ids. Every agent gets a work tree of its own on
# the tip of its batch, commits there, and is merged as soon as it is done, while others are still at work. After each
# batch its tests have to pass on the merged tree. The lock is needed: `git worktree add` fails now and then beside
# another, and two merges cannot share an index. Work trees are left standing, as orchestrate leaves its own; nobody is
# timed for cleaning up. PYTHON is the interpreter that runs the tests.
set -eu

if [ "${1:-}" = --agent ]; then
    # One agent: work tree, program, commit, merge.
    agent=$2
    tree=$FOLDER/agents/$agent
    flock "$FOLDER/lock" git -C "$REPOSITORY" worktree add --quiet -b "agent/$agent" "$tree" "$TIP"
    (cd "$tree" && sh "$AGENT_SCRIPT" "$agent" "$SLEEP")
    git -C "$tree" add --all
    git -C "$tree" commit --quiet --message "$agent"
    exec flock "$FOLDER/lock" git -C "$FOLDER/merged" merge --quiet --no-edit "agent/$agent"
fi

REPOSITORY=$1 FOLDER=$2 AGENT_SCRIPT=$3 SLEEP=$4 parallel=$5 batches=$6
export REPOSITORY FOLDER AGENT_SCRIPT SLEEP
mkdir -p "$FOLDER/agents"
git -C "$REPOSITORY" worktree add --quiet -b merged "$FOLDER/merged" HEAD

while read -r tests agents; do
    TIP=$(git -C "$FOLDER/merged" rev-parse HEAD)
    export TIP
    # shellcheck disable=SC2086  # one id a word
    printf '%s\n' $agents | xargs -P "$parallel" -I{} sh "$0" --agent {}
    (cd "$FOLDER/merged" && "${PYTHON:-python3}" -m pytest -q -p no:cacheprovider "$tests" </dev/null)
done <"$batches"
