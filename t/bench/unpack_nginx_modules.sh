#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nginx's modules for Lua and Perl, unpacked into a directory: installed, the one for Lua would take
# libluajit-5.1-dev away, which weir is built with. Usage: unpack_nginx_modules.sh DIRECTORY
set -eu

packages='libnginx-mod-http-lua libnginx-mod-http-ndk lua-resty-core lua-resty-lrucache
	libluajit2-5.1-2 libnginx-mod-http-perl'

[ ! -e "$1/done" ] || exit 0
mkdir -p "$1/packages"
cd "$1/packages"
# apt's own user may not write here; as root it says so and goes on
# shellcheck disable=SC2086 # a list of names
apt-get download -q $packages
for package in *.deb; do
	dpkg -x "$package" ..
done
touch ../done
