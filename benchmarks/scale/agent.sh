#!/bin/sh
# The agent of this benchmark, the same for both sides: append a line to the file of agent $1 ("m217").
set -eu
number=${1#m}
echo "MORE = 1" >>"src/p$((number / 100))/m$number.py"
