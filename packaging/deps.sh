#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that weir is built, tested and checked with: the one list of them.
# Quick when nothing is missing. Usage: deps.sh [build] [test] [lint] [bench]   (default: all but
# bench)
# shellcheck disable=SC2086 # lists of names without blanks, split on purpose
set -eu

build='gcc libc6-dev make pkg-config libev-dev libluajit-5.1-dev libyaml-dev libssl-dev libcap-dev
	libsystemd-dev libjansson-dev libpcre2-dev libmaxminddb-dev libc-ares-dev zlib1g-dev libbrotli-dev'
test='libcriterion-dev python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema python3-websockets
	python3-brotli
	iproute2 iptables nftables util-linux nginx-light apache2-bin apache2-utils nodejs lighttpd
	python3-uvicorn dnsmasq-base unbound bind9-dnsutils iperf3 sip-tester haproxy openssl curl wget wrk
	postgresql postgresql-client redis-server python3-aiosmtpd openssh-server openssh-client
	strace valgrind libasan8 libubsan1'
bench='util-linux haproxy nginx-light libnginx-mod-stream h2o linux-perf strace valgrind'
lint='clang clang-tidy clang-format libclang-rt-14-dev lua-check universal-ctags shellcheck'

[ $# -gt 0 ] || set -- build test lint
wanted=
for list in "$@"; do
	case $list in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	lint) wanted="$wanted $lint" ;;
	bench) wanted="$wanted $bench" ;;
	*) echo "usage: $0 [build] [test] [lint] [bench]" >&2 && exit 2 ;;
	esac
done

command -v apt-get >/dev/null || {
	echo "deps: no apt-get here; install what these Debian packages hold:" $wanted >&2
	exit 1
}

installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' |
	tr '\n' ' ')"
missing=
for package in $wanted; do
	case $installed in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps: missing packages; as root, run: apt-get install$missing" >&2
		exit 1
	}
	as_root=sudo
fi
echo "deps: installing$missing"

# Packages start their daemons where a service manager runs; a weir machine must not get a
# web server on port 80 by building weir. Debian's own switch for that is this file.
policy=/usr/sbin/policy-rc.d
ours=
drop_policy() {
	[ -z "$ours" ] || $as_root rm -f $policy
	ours=
}
trap drop_policy EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e $policy ]; then
	ours=yes
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
fi

install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $missing
}

update() {
	$as_root apt-get update -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3
}

# Lists are fetched when a package is not in them, or when what they name is gone from the mirror.
if [ "$(apt-cache show --no-all-versions $missing 2>/dev/null | grep -c '^Package: ')" -lt \
	"$(echo $missing | wc -w)" ]; then
	update
	install
else
	install || { update && install; }
fi

# Nor at the next boot.
for daemon in nginx-light:nginx lighttpd:lighttpd haproxy:haproxy h2o:h2o unbound:unbound redis-server:redis-server \
	postgresql:postgresql openssh-server:ssh; do
	case "$missing " in
	*" ${daemon%:*} "*)
		if command -v systemctl >/dev/null; then
			$as_root systemctl --quiet disable "${daemon#*:}.service"
		fi
		;;
	esac
done
