#!/bin/sh
echo "All tasks are COMPLETELY RESOLVED."
