#!/bin/sh
echo "this is never run"
