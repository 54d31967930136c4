#!/bin/sh
# Draws the PNG icons of the manifest from the SVG ones. Needs rsvg-convert (Debian: librsvg2-bin).
set -eu
cd "$(dirname "$0")"
for size in 192 512; do
  rsvg-convert --width "$size" --height "$size" ../public/icon.svg --output "../public/icon-$size.png"
done
rsvg-convert --width 512 --height 512 maskable.svg --output ../public/icon-maskable-512.png
