/** `realServerNeeds` as a shell script, for real servers without vipward: POSIX sh, iproute2, /proc. Pure. */
import { type RealServerRole, realServerNeeds } from './real-server.ts';

/**
 * The script: `start`, `stop` and `status`. It remembers what was there before in a file of /run, and puts that back.
 * A plain host needs nothing else; the names in it come from the role alone.
 */
export function realServerScript(role: RealServerRole): string {
  const needs = realServerNeeds([role], { links: [], filter: '0' });
  const tunnels = needs.links.map(({ name }) => name).filter((name) => name !== 'lo');
  const settings = needs.settings.filter(({ path }) => path.at(-1) !== 'rp_filter');
  const unfiltered = tunnels.filter((tunnel) =>
    needs.settings.some(({ path }) => path.at(-1) === 'rp_filter' && path.at(-2) === tunnel),
  );
  const lines = (items: readonly string[], otherwise = '  :'): string =>
    items.length === 0 ? otherwise : items.map((item) => `  ${item}`).join('\n');
  const addresses = needs.addresses.map(({ device, prefix }) => ({
    text: `${prefix.address}/${prefix.length}`,
    device,
  }));
  return `#!/bin/sh
# Makes this host a real server of ${role.vips.join(', ')} by ${role.forwarding === 'dr' ? 'direct routing' : 'tunnelling'}.
# Usage: $0 start|stop|status, as root. Written by \`vipward realserver script\`.
# Several of these on one host are stopped in the reverse of the order in which they were started.
set -eu
STATE=/run/vipward-realserver-${[role.forwarding, ...role.vips].join('-').replaceAll(/[^A-Za-z0-9.-]/g, '_')}

# Sets a file of /proc/sys and remembers what it held.
put() {
  was=$(cat "/proc/sys/$1")
  [ "$was" = "$2" ] && return
  echo "setting $1 $was $2" >> "$STATE"
  echo "$2" > "/proc/sys/$1"
}

# The greater of all/rp_filter and the link's own holds: all goes to 0, and every other link keeps what all had.
unfilter() {
  filter=$(cat /proc/sys/net/ipv4/conf/all/rp_filter)
  for file in /proc/sys/net/ipv4/conf/*/rp_filter; do
    link=\${file#/proc/sys/net/ipv4/conf/}; link=\${link%/rp_filter}
    case $link in all|default|lo|"$1") continue ;; esac
    [ "$(cat "$file")" -ge "$filter" ] || put "net/ipv4/conf/$link/rp_filter" "$filter"
  done
  put "net/ipv4/conf/$1/rp_filter" 0
  put net/ipv4/conf/all/rp_filter 0
}

up() {
  ip link show dev "$1" | grep -q '[<,]UP[,>]' && return
  echo "link $1" >> "$STATE"
  ip link set dev "$1" up
}

add() {
  ip -o addr show dev "$2" to "$1" | grep -q . && return
  echo "address $1 $2" >> "$STATE"
  ip addr add "$1" dev "$2"
}

start() {
${lines([
  ...needs.modules.map(({ name }) => `modprobe ${name}`),
  ...settings.map(({ path, value }) => `put ${path.join('/')} ${value}`),
  ...unfiltered.map((tunnel) => `unfilter ${tunnel}`),
  ...needs.links.flatMap(({ name, anyProtocol }) =>
    anyProtocol ? [`ip -6 tunnel change ${name} mode any`] : [],
  ),
  ...needs.links.map(({ name }) => `up ${name}`),
  ...addresses.map(({ text, device }) => `add ${text} ${device}`),
])}
}

stop() {
  [ -e "$STATE" ] || return 0
  # The last change first.
  sed '1!G;h;$!d' "$STATE" | while read -r kind a b c; do
    case $kind in
      address) ip addr del "$a" dev "$b" || : ;;
      link) ip link set dev "$a" down || : ;;
      # What somebody has changed since stays.
      setting) [ "$(cat "/proc/sys/$a")" != "$c" ] || echo "$b" > "/proc/sys/$a" ;;
    esac
  done
${lines(
  needs.links.flatMap(({ name, anyProtocol }) =>
    anyProtocol ? [`ip -6 tunnel change ${name} mode ip6ip6 || :`] : [],
  ),
)}
  rm -f "$STATE"
}

status() {
  good=0
  check() { if [ "$2" = "$3" ]; then echo "ok    $1 $2"; else echo "WRONG $1 is $2, not $3"; good=1; fi; }
${lines([
  ...settings.map(
    ({ path, value }) => `check ${path.join('.')} "$(cat /proc/sys/${path.join('/')})" ${value}`,
  ),
  ...unfiltered.flatMap((tunnel) =>
    [tunnel, 'all'].map(
      (link) => `check net.ipv4.conf.${link}.rp_filter "$(cat /proc/sys/net/ipv4/conf/${link}/rp_filter)" 0`,
    ),
  ),
  ...addresses.map(
    ({ text, device }) =>
      `check ${device} "$(ip -o addr show dev ${device} to ${text} | awk '{print $4}')" ${text}`,
  ),
])}
  return "$good"
}

case \${1:-} in
  start|stop|status) "$1" ;;
  *) echo "usage: $0 start|stop|status" >&2; exit 2 ;;
esac
`;
}
