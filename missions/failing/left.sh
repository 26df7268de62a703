#!/bin/sh
sed 's/unknown/metre/' units.py > units.tmp && mv units.tmp units.py
