#!/bin/bash
# run.sh WINE PROGRAM ARGUMENTS…: a Windows program under Wine. Now and then Wine ends before the program has begun (two
# of 1,600 starts: no word, within 10 ms); then it is started once more, and that is said. A test program's first line
# comes before anything that it does, so no failure of a test is repeated.
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
"$@" | tee "$said"
code=${PIPESTATUS[0]}
if [ "$code" -ne 0 ] && [ ! -s "$said" ]; then
  echo "Wine ended with $code before the program began: once more" >&2
  "$@"
  code=$?
fi
exit "$code"
