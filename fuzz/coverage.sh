#!/bin/sh
# coverage.sh BUILD: how many lines of each file in src/protocol, and of the reader of listen addresses, the unit tests
# and the fuzzers' seeds run through. Ends with 1 when a file is under 90 %.
set -eu
cd "$(dirname "$0")/.."
build=$1
profiles=$build/profiles
rm -rf "$profiles"
mkdir -p "$profiles" "$build/log"
export LLVM_PROFILE_FILE="$PWD/$profiles/%p.profraw"

"$build/bin/unit_tests" --gtest_brief=1 --gtest_filter='-Platform*' >"$build/log/coverage.log" 2>&1 ||
  { cat "$build/log/coverage.log"; exit 1; }
set --
for program in "$build"/bin/replay_*; do
  name=$(basename "$program" | sed 's/^replay_//')
  "$program" "fuzz/corpus/$name" "fuzz/regressions/$name" >>"$build/log/coverage.log" 2>&1 ||
    { cat "$build/log/coverage.log"; exit 1; }
  set -- "$@" -object "$program"
done
llvm-profdata merge -sparse -o "$profiles/all.profdata" "$profiles"/*.profraw
llvm-cov report "$build/bin/unit_tests" "$@" -instr-profile="$profiles/all.profdata" >"$build/log/report.txt" \
  2>"$build/log/report-warnings.txt" # each harness has a main of its own: "mismatched data"

# Columns: file, regions, missed, %, functions, missed, %, lines, missed, %, ... Headers with a few lines say nothing,
# and most of http_syntax.hpp runs in the compiler.
awk '
  (sub(/^.*src\/protocol\//, "") || sub(/^.*src\/worker\/listen_address/, "listen_address")) &&
  $1 != "http_syntax.hpp" && ($1 ~ /\.cpp$/ || $8 >= 10) {
    printf "  %-28s %4d of %4d lines  %6.2f %%\n", $1, $8 - $9, $8, $10
    if ($10 + 0 < 90) under = under " " $1
    lines += $8
    missed += $9
    ++files
  }
  END {
    if (files < 10) { print "no coverage was measured"; exit 1 }
    printf "  %-28s %4d of %4d lines  %6.2f %%\n", "all", lines - missed, lines, 100 * (lines - missed) / lines
    if (under != "") { print "under 90 %:" under; exit 1 }
  }' "$build/log/report.txt"
