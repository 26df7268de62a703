#!/bin/sh
echo "thinking about it"
exec sleep 600
