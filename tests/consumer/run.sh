#!/bin/sh
# run.sh BUILD_DIR: a stranger's project builds and runs with artel in three ways.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=$1
work=$build/consumer
rm -rf "$work"
mkdir -p "$work"
if command -v ninja >/dev/null; then export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"; fi
if command -v ccache >/dev/null; then export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

way() { printf '== %s\n' "$1"; }

way "install"
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"
# A folder of the sources, not the mere path: a checkout in /artel is named like lib/cmake/artel.
if grep -rlE "$source/(include|src|platform|cmake|build)([/\";]|\$)" "$work/prefix/" --include='*.cmake' --include='*.pc' --include='*.hpp'; then
  echo "the files above name the source folder" >&2
  exit 1
fi
[ -f "$work/prefix/share/doc/artel/LICENSE" ] || { echo "the licence does not come along" >&2; exit 1; }
mv "$work/prefix" "$work/moved" # an installed tree may be moved

way "find_package"
cmake -S "$here" -B "$work/package" -DCMAKE_PREFIX_PATH="$work/moved"
cmake --build "$work/package"
"$work/package/consumer"

way "pkg-config"
pc=$(dirname "$(find "$work/moved" -name artel.pc)")
export PKG_CONFIG_PATH="$pc"
# shellcheck disable=SC2046  # flags are words
${CXX:-c++} -std=c++20 "$here/main.cpp" -o "$work/with_pkg_config" $(pkg-config --cflags --libs artel)
"$work/with_pkg_config"
unset PKG_CONFIG_PATH

way "add_subdirectory"
cmake -S "$here" -B "$work/sub" -DARTEL_SOURCE="$source" -DCMAKE_BUILD_TYPE= -DARTEL_UNITY=ON
cmake --build "$work/sub" --parallel 2
"$work/sub/consumer"
if [ -e "$work/sub/artel/tests" ] || [ -e "$work/sub/artel/examples" ]; then
  echo "a subdirectory build must not build artel's tests or examples" >&2
  exit 1
fi
