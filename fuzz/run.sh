#!/bin/sh
# run.sh BUILD [NAME [SECONDS]]: runs the fuzzers that were built there, two at a time; all of them for 60 seconds each
# unless told. What they learn stays in BUILD/corpus; an input that fails is kept in BUILD/found and ends the run with 1.
set -eu
cd "$(dirname "$0")/.."
build=$1
known=$(for harness in fuzz/*.cpp; do basename "$harness" .cpp; done)
names=${2:-$known}
seconds=${3:-60}
# The sanitizer keeps freed memory for a while: that must not count as ours.
export ASAN_OPTIONS="quarantine_size_mb=16:detect_stack_use_after_return=1:strict_string_checks=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"

one() { # NAME
  learnt=$build/corpus/$1 found=$build/found/$1 log=$build/log/$1.log
  mkdir -p "$learnt" "$found" "$build/log"
  set -- "$1" "$learnt" "fuzz/corpus/$1"
  if [ -d "fuzz/regressions/$1" ]; then set -- "$@" "fuzz/regressions/$1"; fi
  name=$1
  shift
  if [ -f "fuzz/$name.dict" ]; then set -- "$@" "-dict=fuzz/$name.dict"; fi
  if "$build/bin/fuzz_$name" "$@" -max_total_time="$seconds" -timeout=1 -rss_limit_mb=256 \
    -artifact_prefix="$found/" >"$log" 2>&1; then
    sed -n "s|^#\([0-9]*\).*DONE *cov: \([0-9]*\).*corp: \([0-9]*\).*|  $name: \1 runs, \2 places reached, \3 inputs kept|p" "$log"
    return 0
  fi
  sed -n '/^wrong:\|runtime error:\|ERROR: /,$p' "$log" | head -60
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
  cat <<END
== $name has failed; the whole log: $log
   again:    $build/bin/fuzz_$name $input
   smaller:  $build/bin/fuzz_$name -minimize_crash=1 -max_total_time=30 $input
   keep it:  cp $input fuzz/regressions/$name/WHAT_IT_IS   (then it is a part of the test fuzz.$name)
END
  return 1
}

failed=0
pids=
for name in $names; do
  [ -x "$build/bin/fuzz_$name" ] || { echo "there is no fuzzer $name; there are: $(echo "$known" | tr '\n' ' ')" >&2; exit 2; }
  one "$name" &
  if [ -z "$pids" ]; then
    pids=$!
    continue
  fi
  for pid in $pids $!; do wait "$pid" || failed=1; done
  pids=
done
for pid in $pids; do wait "$pid" || failed=1; done
exit $failed
