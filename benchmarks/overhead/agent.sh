#!/bin/sh
# The agent of this benchmark, the same for both sides: sleep $2 seconds, then edit the one file of agent $1 ("m017").
set -eu
sleep "$2"
file="src/${1%??}/$1.py"
sed 's/^VALUE = 1$/VALUE = 2/' "$file" >"$file.new"
mv "$file.new" "$file"
