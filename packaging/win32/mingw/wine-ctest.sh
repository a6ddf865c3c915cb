#!/bin/sh
# wine-ctest.sh PRESET [ctest options]: runs cross-built tests under Wine, without a display.
set -eu
cd "$(dirname "$0")/../../.."
export WINEPREFIX="$PWD/build/$1/wine" WINEDEBUG=-all
export WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe,winedbg.exe="
unset DISPLAY WAYLAND_DISPLAY
mkdir -p build/log
if [ ! -f "$WINEPREFIX/system.reg" ]; then
  wineboot -i >build/log/wineboot.log 2>&1 </dev/null
fi
wineserver -w # until what is left of an earlier run has ended
# Keep the server and its services alive: every cold start would cost a test two seconds.
trap 'wineserver -k 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM
wineserver -p
wine cmd /c exit >/dev/null 2>&1 </dev/null
ctest --preset "$@"
