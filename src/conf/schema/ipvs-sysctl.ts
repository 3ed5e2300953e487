/**
 * The settings `net.ipv4.vs.NAME` of the kernel: those of Documentation/networking/ipvs-sysctl.rst and of vs_vars[] in
 * net/netfilter/ipvs/ip_vs_ctl.c, with the ranges that their handlers accept. All are handed on as the text that the
 * kernel reads.
 */
import * as z from 'zod';
import { mapping, pattern, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';

const INT_MAX = 2_147_483_647;

const number = (least: number, most: number, meaning: string) =>
  wholeNumber(least, most).transform(String).optional().describe(meaning);

/** For the kernel everything else than 0 is 1. */
function onOff(meaning: string) {
  const words = { error: phrase('0 or 1') };
  return z.int(words).min(0, words).max(1, words).transform(String).optional().describe(meaning);
}

/** 0 never, 1 and 2 when memory is short, 3 always (proc_do_defense_mode()). */
const defence = (meaning: string) => number(0, 3, `${meaning}: 0 never, 1 when memory is short, 3 always.`);

/** Of a power of two, each up to IPVS_SYNC_PORTS_MAX. */
function syncPorts() {
  const words = { error: phrase('1, 2, 4, 8, 16, 32 or 64') };
  return z
    .int(words)
    .refine((value) => [1, 2, 4, 8, 16, 32, 64].includes(value), words)
    .transform(String)
    .optional()
    .describe('Threads, and UDP ports from 8848 on, of connection synchronisation: 1, 2, 4, … 64.');
}

function syncThreshold() {
  const words = {
    error: phrase('a threshold and a larger period such as [3, 50]; [N, 0] syncs once'),
  };
  const one = z.int(words).min(0, words).max(INT_MAX, words);
  return z
    .tuple([one, one], words)
    .refine(([threshold, period]) => period === 0 || threshold < period, words)
    .transform((pair) => pair.join(' '))
    .optional()
    .describe('A connection is synchronised from its Nth packet on, and again every so many: [3, 50].');
}

const cpuList = () =>
  pattern(/^(?:all|[0-9][0-9,:/-]{0,255})?$/, 'a list of processors such as "0-3,8", or all')
    .optional()
    .describe('The processors that rates are estimated on.');

export const sysctl = z
  .strictObject(
    {
      am_droprate: number(0, INT_MAX, 'The rate of drop_packet: 3. One packet in so many is dropped.'),
      amemthresh: number(0, INT_MAX, 'Below so many free pages, memory is short.'),
      backup_only: onOff('1: no balancing while the sync daemon is a backup, against loops of dr and tun.'),
      cache_bypass: onOff('1: straight to the destination when no cache server is there.'),
      conn_reuse_mode: number(
        0,
        3,
        'A client that reuses its port: 0 stays with its real server, 1 is balanced anew when that is safe.',
      ),
      conntrack: onOff('1: connections of IPVS are in connection tracking too. fullnat needs it.'),
      debug_level: number(0, INT_MAX, 'Of kernels built with CONFIG_IP_VS_DEBUG.'),
      drop_entry: defence('Whether half-open connections are dropped at random'),
      drop_packet: defence('Whether packets are dropped at random'),
      est_cpulist: cpuList(),
      est_nice: number(-20, 19, 'The niceness of the threads that estimate rates.'),
      expire_nodest_conn: onOff('1: the clients of a removed real server are told at once; vipward sets it.'),
      expire_quiescent_template: onOff('1: persistent clients leave a real server of weight 0.'),
      ignore_tunneled: onOff('1: tunnelled packets are not balanced again.'),
      nat_icmp_send: onOff('1: real servers are told by ICMP of connections that are not known.'),
      pmtu_disc: onOff('0: tun fragments instead of answering with ICMP.'),
      run_estimation: onOff('0: no rates are estimated.'),
      schedule_icmp: onOff('1: ICMP without a connection is balanced too.'),
      secure_tcp: defence('Whether stricter states of TCP are used'),
      sloppy_sctp: onOff('1: connections of SCTP may begin in their middle.'),
      sloppy_tcp: onOff('1: connections of TCP may begin in their middle, after a failover say.'),
      snat_reroute: onOff('0: answers under nat are not routed anew.'),
      sync_persist_mode: onOff('1: only templates of persistent services are synchronised.'),
      sync_ports: syncPorts(),
      sync_qlen_max: number(0, INT_MAX, 'Messages that wait to be sent, at most.'),
      sync_refresh_period: number(0, 2_147_483, 'Seconds for which unchanged connections are not repeated.'),
      sync_retries: number(0, 3, 'Repetitions within the refresh period.'),
      sync_sock_size: number(0, INT_MAX, 'Bytes of the socket buffer; 0 is the usual.'),
      sync_threshold: syncThreshold(),
      sync_version: onOff('The version of the protocol of connection synchronisation.'),
    },
    mapping('settings of net.ipv4.vs such as { sloppy_tcp: 1 }'),
  )
  .describe('Settings net.ipv4.vs.NAME of the kernel; what is not named follows from the services.');
