#!/bin/sh
mkdir -p docs
echo "Status: COMPLETELY RESOLVED" > docs/status.md
