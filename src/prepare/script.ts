/** `realServerNeeds` as a shell script, for real servers without vipward: POSIX sh, iproute2, /proc. Pure. */
import { type RealServerRole, realServerNeeds } from './real-server.ts';

/**
 * The script: `start`, `stop` and `status`. It remembers what was there before in a folder of /run (or of
 * $STATE_DIR) that all such scripts of a host share, and the last that needs a change puts that back. A plain host
 * needs nothing else; the names in it come from the role alone.
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
# Several of these on one host may be started and stopped in any order: they share what they have changed.
set -eu
# Gone with a reboot, as what it changes is; of this network namespace, since a host and its containers may share it.
STATE=\${STATE_DIR:-/run}/vipward-realserver-script-$(readlink /proc/self/ns/net | tr -dc 0-9)
# What was changed, by any of them, with what was there before; and what this one needs.
CHANGED=$STATE/changed
NEEDS=$STATE/needs-${[role.forwarding, role.outer === 'as the VIP' ? '' : role.outer, ...role.vips].join('-').replaceAll(/[^A-Za-z0-9.-]/g, '_')}

# One at a time, where there is a flock(1).
alone() {
  while :; do
    mkdir -p "$STATE"
    exec 9> "$STATE/lock"
    command -v flock > /dev/null || return 0
    flock 9
    # The last to stop takes it away.
    [ "$STATE/lock" -ef /proc/self/fd/9 ] && return
  done
}

# Remembers that this one counts on it.
need() {
  [ -e "$NEEDS" ] && grep -qxF "$1" "$NEEDS" || echo "$1" >> "$NEEDS"
}

# Whether any of them does.
needed() {
  cat "$STATE"/needs-* 2> /dev/null | grep -qxF "$1"
}

# Sets a file of /proc/sys and remembers what it held.
put() {
  need "setting $1"
  was=$(cat "/proc/sys/$1")
  [ "$was" = "$2" ] && return
  echo "setting $1 $was $2" >> "$CHANGED"
  echo "$2" > "/proc/sys/$1"
}

# The greater of all/rp_filter and the link's own holds: all goes to 0, and every other link keeps what all had.
unfilter() {
  filter=$(cat /proc/sys/net/ipv4/conf/all/rp_filter)
  for file in /proc/sys/net/ipv4/conf/*/rp_filter; do
    link=\${file#/proc/sys/net/ipv4/conf/}; link=\${link%/rp_filter}
    case $link in all|default|lo|"$1") continue ;; esac
    need "setting net/ipv4/conf/$link/rp_filter"
    [ "$(cat "$file")" -ge "$filter" ] || put "net/ipv4/conf/$link/rp_filter" "$filter"
  done
  put "net/ipv4/conf/$1/rp_filter" 0
  put net/ipv4/conf/all/rp_filter 0
}

# Lets the end of a tunnel take IPv4 and IPv6 out of it, not IPv6 alone.
open() {
  need "tunnel $1"
  grep -qsxF "tunnel $1" "$CHANGED" || echo "tunnel $1" >> "$CHANGED"
  ip -6 tunnel change "$1" mode any
}

up() {
  need "link $1"
  ip link show dev "$1" | grep -q '[<,]UP[,>]' && return
  # Where lo was down, others count on it as soon as it is up.
  [ "$1" = lo ] || echo "link $1" >> "$CHANGED"
  ip link set dev "$1" up
}

add() {
  need "address $1 $2"
  ip -o addr show dev "$2" to "$1" | grep -q . && return
  echo "address $1 $2" >> "$CHANGED"
  ip addr add "$1" dev "$2"
}

start() {
  alone
${lines([
  ...needs.modules.map(({ name }) => `modprobe ${name}`),
  ...settings.map(({ path, value }) => `put ${path.join('/')} ${value}`),
  ...unfiltered.map((tunnel) => `unfilter ${tunnel}`),
  ...needs.links.flatMap(({ name, anyProtocol }) => (anyProtocol ? [`open ${name}`] : [])),
  ...needs.links.map(({ name }) => `up ${name}`),
  ...addresses.map(({ text, device }) => `add ${text} ${device}`),
])}
}

stop() {
  [ -e "$NEEDS" ] || return 0
  alone
  rm -f "$NEEDS"
  touch "$CHANGED"
  # The last change first; what another of these scripts needs stays.
  sed '1!G;h;$!d' "$CHANGED" | while read -r kind a b c; do
    case $kind in
      address)
        if needed "address $a $b"; then echo "address $a $b"; else ip addr del "$a" dev "$b" || :; fi ;;
      link)
        if needed "link $a"; then echo "link $a"; else ip link set dev "$a" down || :; fi ;;
      tunnel)
        if needed "tunnel $a"; then echo "tunnel $a"; else ip -6 tunnel change "$a" mode ip6ip6 || :; fi ;;
      setting)
        if needed "setting $a"; then echo "setting $a $b $c"
        # What somebody has changed since stays.
        elif [ "$(cat "/proc/sys/$a")" = "$c" ]; then echo "$b" > "/proc/sys/$a"
        fi ;;
    esac
  done > "$CHANGED.kept"
  # In one step: who is stopped in the middle has the old list or the new one.
  sed '1!G;h;$!d' "$CHANGED.kept" > "$CHANGED.new"
  mv "$CHANGED.new" "$CHANGED"
  rm "$CHANGED.kept"
  ls "$STATE"/needs-* > /dev/null 2>&1 || rm -rf "$STATE"
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
