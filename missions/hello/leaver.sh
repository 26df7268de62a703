#!/bin/sh
# The agent `leaver`: writes the farewell.
set -eu
echo "reading goodbye.py"
sed -i.orig -e 's/^    raise NotImplementedError$/    return f"Goodbye, {name}"/' -e 's/ Nobody has written it yet\.//' goodbye.py
rm goodbye.py.orig
echo "wrote the farewell"
