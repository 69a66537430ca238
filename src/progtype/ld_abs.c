// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads of classic filters: see ld_abs.h.
 */
#include "progtype/ld_abs.h"
#include "util/err.h"

#define NET_OFF (-0x100000) /* SKF_NET_OFF */
#define LL_OFF  (-0x200000) /* SKF_LL_OFF */

static const u8 *base(const struct run_skb *skb, s32 offset, s64 *at)
{
	*at = offset;
	if (offset >= 0)
		return skb->data;
	if (offset >= NET_OFF) {
		*at -= NET_OFF;
		return skb->net;
	}
	*at -= LL_OFF;
	return offset >= LL_OFF ? skb->mac : NULL;
}

s64 skb_ld_abs(const struct run_skb *skb, s32 offset, u32 size)
{
	const u8 *p;
	s64 at, value = 0;

	p = base(skb, offset, &at);
	if (!p || p < skb->head || p > skb->data_end || (s64)size > skb->data_end - p ||
	    at > skb->data_end - p - size)
		return -EFAULT;
	for (p += at; size; size--)
		value = value << 8 | *p++;
	return value;
}
