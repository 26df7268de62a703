#!/bin/sh
# What one would write without orchestrate: flock, git worktree, xargs, git merge.
#
#   shell.sh REPOSITORY FOLDER AGENT_SCRIPT AGENTS PARALLEL
#
# Each agent gets a work tree on the base, commits there, and is merged as soon as it is done.
set -eu

if [ "${1:-}" = --agent ]; then
    tree=$FOLDER/$2
    flock "$FOLDER/lock" git -C "$REPOSITORY" worktree add --quiet -b "agent/$2" "$tree" main
    (cd "$tree" && sh "$AGENT_SCRIPT" "$2")
    git -C "$tree" commit --quiet --all --message "$2"
    exec flock "$FOLDER/lock" git -C "$FOLDER/merged" merge --quiet --no-edit "agent/$2"
fi

REPOSITORY=$1 FOLDER=$2 AGENT_SCRIPT=$3 agents=$4 parallel=$5
export REPOSITORY FOLDER AGENT_SCRIPT
mkdir -p "$FOLDER"
git -C "$REPOSITORY" worktree add --quiet -b merged "$FOLDER/merged" HEAD
seq 0 $((agents - 1)) | sed 's/^/m/' | xargs -P "$parallel" -I{} sh "$0" --agent {}
