/** What `vipward ipvsadm --help` prints. */
export const HELP = `Usage: vipward ipvsadm COMMAND [SERVICE] [options]

The commands and options of ipvsadm 1.31, with the same output. They change the kernel's table directly: what a running
vipward has in its configuration it puts back within seconds, so change that in the file, or use \`vipward drain\`,
\`disable\`, \`enable\` and \`weight\`.

Commands, one a line; without any, the table is listed:
  -A, --add-service SERVICE         add a virtual service       [-s] [-p] [-M] [--pe] [-o] [-b]
  -E, --edit-service SERVICE        give it other settings; what is not named takes its default
  -D, --delete-service SERVICE      remove it with its real servers
  -C, --clear                       remove every virtual service
  -a, --add-server SERVICE -r HOST  add a real server           [-g|-i|-m] [-w] [-x] [-y] [tunnel options]
  -e, --edit-server SERVICE -r HOST give it other settings; what is not named takes its default
  -d, --delete-server SERVICE -r HOST
  -L, -l, --list [SERVICE]          list the table, or         [-n] [columns] [--exact] [--nosort]
      -L -c                         the connections, or         [-n] [--persistent-conn]
      -L --timeout, -L --daemon     the time-outs, the sync daemons
  -Z, --zero [SERVICE]              set the counters to zero
  -S, --save [-n]                   print the lines that make the table
  -R, --restore                     carry out lines of standard input
      --set TCP TCPFIN UDP          time-outs of connections in seconds; 0 leaves one as it is
      --start-daemon master|backup  synchronise connections     [daemon options]
      --stop-daemon master|backup
  -h, --help; -v, --version

SERVICE is one of
  -t, --tcp-service HOST:PORT   -u, --udp-service HOST:PORT   --sctp-service HOST:PORT
  -f, --fwmark-service MARK     with -6, --ipv6 behind it for IPv6
HOST is an address, in brackets when it is an IPv6 one with a port, or a name.

Settings of a virtual service:
  -s, --scheduler NAME          rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, mh, sed, nq, fo, ovf
  -b, --sched-flags FLAGS       sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3; with commas
  -p, --persistent [SECONDS]    a client stays with its real server; 360 s unless given
  -M, --netmask MASK            what is one client: 255.255.255.0, or a prefix length for IPv6
      --pe sip                  persistence engine
  -o, --ops                     every packet by itself: UDP and marks

Settings of a real server:
  -g, --gatewaying | -i, --ipip | -m, --masquerading     dr (default), tun, nat
  -w, --weight 0..2147483647    1 unless given
  -x, --u-threshold N, -y, --l-threshold N               connections at which it gets no more, and again
      --tun-type ipip|gue|gre   --tun-port PORT          --tun-nocsum | --tun-csum | --tun-remcsum

Columns of a listing, one kind at a time:
      --stats, --rate, --thresholds, --persistent-conn, --tun-info
  -X, --exact                   counters in full
  -n, --numeric                 no names of hosts and ports
      --nosort                  in the kernel's order; --sort is the default

Daemon options:
      --syncid 0..255           --sync-maxlen 1..65507
      --mcast-interface LINK (eth0)   --mcast-group ADDRESS (224.0.0.81)   --mcast-port PORT (8848)   --mcast-ttl TTL (1)

Exit codes: 0 done, 1 nothing to list, 2 a command line that means nothing, or no IPVS, 255 the kernel refused.
`;

/** The first words are ipvsadm's own, which scripts take apart. */
export const versionText = (version: string, ipvs: string): string =>
  `ipvsadm v1.31 (vipward ${version}, kernel with IPVS v${ipvs})\n`;
