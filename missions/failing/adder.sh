#!/bin/sh
sed 's/a - b/a + b/; s/, almost//' sums.py > sums.tmp && mv sums.tmp sums.py
echo "fixed the addition"
