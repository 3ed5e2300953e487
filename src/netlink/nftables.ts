/** Notices of nftables (linux/netfilter/nf_tables.h), as far as they tell whose table was changed. */
import { Attributes } from './attribute.ts';
import type { Message } from './message.ts';
import { type Malformed, Reader } from './reader.ts';

/** NFNLGRP_NFTABLES of linux/netfilter/nfnetlink.h: the group that hears them. */
export const NFNLGRP_NFTABLES = 7;
/** In the upper byte of a message's type. */
const NFNL_SUBSYS_NFTABLES = 10;
/** The end of a transaction: its first attribute is a number. */
const NFT_MSG_NEWGEN = 15;
/** struct nfgenmsg, in bytes. */
const NFGENMSG = 4;
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE and NFTA_SET_ELEM_LIST_TABLE are one number. */
const TABLE = 1;

/** The name of the table that a notice is about, whatever became of what in it; undefined: it is about none. */
export function tableOfNotice({ type, payload }: Message): string | Malformed | undefined {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES || (type & 0xff) === NFT_MSG_NEWGEN) return undefined;
  const reader = new Reader(payload, 'notice of nftables');
  reader.skip(NFGENMSG);
  return reader.finish(Attributes.from(reader).string(TABLE));
}
