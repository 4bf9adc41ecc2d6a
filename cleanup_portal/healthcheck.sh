#!/usr/bin/env bash
# healthcheck.sh PATH [HOST]: exit 0 where the web server answers a page with 200. Starting a Python for this, over and
# over, would cost more than the idle portal.
set -euo pipefail
exec 3<>"/dev/tcp/${2:-127.0.0.1}/8000"
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
read -r _ status _ <&3
[ "$status" = 200 ]
