#!/bin/sh
# Builds the libraries that artel needs for Windows from Debian's source packages and prints where they are.
# The result is cached under a name made of this recipe, the toolchain and the versions; deleting it is always safe.
# Progress goes to standard error. About four minutes on two cores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sources="libuv1 fmtlib spdlog cli11 googletest openssl"
triple=x86_64-w64-mingw32

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/artel
mkdir -p "$cache"
say() { printf '   %s\n' "$*" >&2; }

# ---- the key --------------------------------------------------------------------------------------------------------
# The runtime packages of the same sources tell the versions without any network.
versions() {
  cat "$here/prefix.sh" "$here/toolchain.cmake"
  $triple-g++-posix --version | head -n 1
  dpkg-query -W -f='${source:Package} ${source:Version}\n' 2>/dev/null |
    grep -E '^(libuv1|fmtlib|spdlog|cli11|googletest|openssl|node-undici|libz-mingw-w64|gcc-mingw-w64) ' | sort -u
}
key=$(versions | sha256sum | cut -c1-16)
prefix=$cache/mingw-$key
if [ -f "$prefix/complete" ]; then
  printf '%s\n' "$prefix"
  exit 0
fi

work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
new=$work/prefix
log=$work/log
mkdir -p "$new/lib" "$new/include" "$work/src" "$work/build"
chmod 755 "$work"
chmod 777 "$work/src" # apt downloads as its own user
run() { "$@" >>"$log" 2>&1 </dev/null || { tail -n 60 "$log" >&2; echo "failed: $*" >&2; exit 1; }; }

# ---- sources: the archives this machine uses already, asked for sources with an apt set-up of our own ---------------
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
archives() { # URI SUITE COMPONENT of every Debian archive; whether written in the one-line or the deb822 form
  # shellcheck disable=SC2016  # apt's variables
  apt-get "$@" indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(REPO_URI) $(RELEASE) $(COMPONENT)' |
    sed -n 's/^Packages|Debian|//p' | sort -u
}
found=$(archives)
if [ -z "$found" ]; then # no lists at all: fetch them into ours
  own="-o Dir::State::Lists=$work/apt/lists -o Dir::Cache=$work/apt/cache -o APT::Sandbox::User=root"
  # shellcheck disable=SC2086  # options
  run apt-get $own update -q
  # shellcheck disable=SC2086
  found=$(archives $own)
fi
[ -n "$found" ] || { echo "apt knows no Debian archive; the Windows libraries are built from Debian's sources" >&2; exit 1; }
key_option=
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ ! -f "$keyring" ] || key_option=" [signed-by=$keyring]"
printf '%s\n' "$found" | sed "s|^|deb-src$key_option |" >"$work/apt/sources.list"
cat >"$work/apt/apt.conf" <<END
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "root";
END
export APT_CONFIG="$work/apt/apt.conf"

# Archives drop the files of superseded versions, and one version may lie in two archives: try all, the newest first.
get() {
  for version in $(apt-cache showsrc "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -rVu); do
    while read -r archive; do
      printf '%s\n' "$archive" >"$work/apt/one.list"
      apt-get -o "Dir::Etc::SourceList=$work/apt/one.list" source -q --download-only --tar-only "$1=$version" \
        >>"$log" 2>&1 </dev/null && return 0
    done <"$work/apt/sources.list"
  done
  tail -n 20 "$log" >&2
  echo "no source of $1 can be downloaded" >&2
  exit 1
}
say "fetching the sources of: $sources"
run apt-get update -q
cd "$work/src"
for name in $sources; do get "$name"; done
unset APT_CONFIG
for file in *.orig.tar.*; do
  case $file in *.asc) ;; *) run tar xf "$file" ;; esac
done

# ---- libraries ------------------------------------------------------------------------------------------------------
export ARTEL_MINGW_PREFIX="$new"
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
library() { # NAME FOLDER [cmake options]
  name=$1 folder=$2
  shift 2
  say "building $name"
  run cmake -S "$folder" -B "$work/build/$name" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$here/toolchain.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=20 -DCMAKE_INSTALL_PREFIX="$new" "$@"
  run cmake --build "$work/build/$name" --parallel "$jobs"
  run cmake --install "$work/build/$name"
}
library libuv libuv1-* -DLIBUV_BUILD_TESTS=OFF
library fmt fmtlib-* -DFMT_TEST=OFF -DFMT_DOC=OFF
library spdlog spdlog-* -DSPDLOG_FMT_EXTERNAL=ON -DSPDLOG_BUILD_EXAMPLE=OFF -DSPDLOG_BUILD_TESTS=OFF
library cli11 CLI11-* -DCLI11_BUILD_TESTS=OFF -DCLI11_BUILD_EXAMPLES=OFF -DCLI11_BUILD_DOCS=OFF
library googletest googletest-*

say "building openssl (TLS 1.2 and 1.3, what artel uses; about two minutes)"
mkdir "$work/build/openssl"
cd "$work/build/openssl"
run perl "$work"/src/openssl-3*/Configure mingw64 --cross-compile-prefix=$triple- --prefix="$new" --libdir=lib \
  --openssldir=/etc/ssl no-shared no-tests no-engine no-dso no-legacy no-comp no-capieng no-srp no-gost no-idea \
  no-seed no-camellia no-aria no-bf no-cast no-rc2 no-rc4 no-md4 no-mdc2 no-rmd160 no-whirlpool no-sm2 no-sm3 no-sm4 \
  no-cms no-ts no-ct no-ec2m no-dtls no-srtp no-psk no-cmp no-blake2 no-siphash no-scrypt no-rfc3779 no-dsa \
  no-autoload-config -O2
run make -j"$jobs" build_libs
run make install_dev

cd /
versions >"$new/complete"
rm -rf "$prefix"
mv "$new" "$prefix"
printf '%s\n' "$prefix"
