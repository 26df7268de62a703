#!/bin/sh
echo "half of the work" >> sums.py
echo "Traceback: something went wrong" >&2
exit 3
