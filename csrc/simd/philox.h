/* Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3" (2011): 128 bits of counter and 64 of key give 128 random bits.
 *
 * The key is the seed; the counter's low half numbers the block, its third word the attempt (zero
 * but where a draw was rejected), its fourth is zero. Sixteen blocks are a group, its 64 words are
 * stored word by word, so that no register has to be shuffled: word w of block b at 16 * w + b,
 * whatever the width of a register.
 */
#ifndef TK_PHILOX_H
#define TK_PHILOX_H

#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

enum { TK_GROUP_WORDS = 64, TK_GROUP_BLOCKS = 16, TK_PHILOX_ROUNDS = 10 };

#define TK_PHILOX_M0 0xD2511F53u
#define TK_PHILOX_M1 0xCD9E8D57u
#define TK_PHILOX_W0 0x9E3779B9u
#define TK_PHILOX_W1 0xBB67AE85u

/* Words held in the low halves of 64-bit lanes; what the high halves hold does not matter. */
typedef uint64_t tk_words __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef uint32_t tk_packed_words __attribute__((vector_size(TK_VECTOR_BYTES / 2)));
enum { TK_WORD_LANES = TK_VECTOR_BYTES / 8 };

static inline tk_words tk_multiply_words(tk_words a, tk_words b)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    return (tk_words)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    return (tk_words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__) && TK_VECTOR_BYTES == 16
    return (tk_words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/* The four words of as many blocks as there are lanes. */
typedef struct tk_blocks {
    tk_words c0, c1, c2, c3;
} tk_blocks;

/* Blocks number block, block + 1, ...; `block` is a multiple of the lanes, so nothing carries. */
static inline __attribute__((always_inline)) tk_blocks tk_first_blocks(uint64_t block)
{
    static const uint64_t lane[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const tk_words zero = {0};
    tk_words number;
    memcpy(&number, lane, sizeof number);
    return (tk_blocks){number + (uint32_t)block, zero + (block >> 32), zero, zero};
}

static inline __attribute__((always_inline)) tk_blocks tk_philox_round(tk_blocks x, tk_words k0,
                                                                       tk_words k1)
{
    const tk_words zero = {0};
    tk_words p0 = tk_multiply_words(x.c0, zero + TK_PHILOX_M0);
    tk_words p1 = tk_multiply_words(x.c2, zero + TK_PHILOX_M1);
    return (tk_blocks){(p1 >> 32) ^ (x.c1 ^ k0), p1, (p0 >> 32) ^ (x.c3 ^ k1), p0};
}

static inline __attribute__((always_inline)) void tk_store_blocks(uint32_t *words, tk_blocks x)
{
    const tk_words c[4] = {x.c0, x.c1, x.c2, x.c3};
    for (int w = 0; w < 4; w++) {
        tk_packed_words packed = __builtin_convertvector(c[w], tk_packed_words);
        memcpy(words + w * TK_GROUP_BLOCKS, &packed, sizeof packed);
    }
}

/* The 64 words of a group; outlined, because every kernel of random numbers calls it. Two registers
 * of blocks go side by side: one would wait for its multiplications. */
static __attribute__((noinline)) void tk_philox_group(uint64_t seed, uint64_t group,
                                                      uint32_t words[TK_GROUP_WORDS])
{
    const tk_words zero = {0};
    for (int lane = 0; lane < TK_GROUP_BLOCKS; lane += 2 * TK_WORD_LANES) {
        tk_blocks x = tk_first_blocks(group * TK_GROUP_BLOCKS + (uint64_t)lane);
        tk_blocks y = tk_first_blocks(group * TK_GROUP_BLOCKS + (uint64_t)(lane + TK_WORD_LANES));
        tk_words k0 = zero + (uint32_t)seed, k1 = zero + (uint32_t)(seed >> 32);
        for (int round = 0; round < TK_PHILOX_ROUNDS; round++) {
            x = tk_philox_round(x, k0, k1);
            y = tk_philox_round(y, k0, k1);
            k0 += TK_PHILOX_W0;
            k1 += TK_PHILOX_W1;
        }
        tk_store_blocks(words + lane, x);
        tk_store_blocks(words + lane + TK_WORD_LANES, y);
    }
}

/* One block at a given attempt, for the few draws that were rejected. */
static __attribute__((noinline)) void tk_philox_block(uint64_t seed, uint64_t block,
                                                      uint32_t attempt, uint32_t words[4])
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = attempt, c3 = 0;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < TK_PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)c0 * TK_PHILOX_M0, p1 = (uint64_t)c2 * TK_PHILOX_M1;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += TK_PHILOX_W0;
        k1 += TK_PHILOX_W1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* -- integers below a bound ------------------------------------------------------------------- */

/* Draw e of a group, uniform in [0, range) without bias: the high half of a product, rejected where
 * the low half falls short (Lemire, "Fast random integer generation in an interval", 2019). Ranges
 * up to 2^32 take one word a draw, 64 draws a group; wider ones two words, 32 draws. A range of 0
 * stands for 2^64. */
static inline int tk_is_wide(uint64_t range)
{
    return range - 1 > UINT32_MAX;
}

static inline uint64_t tk_draw_below(uint64_t seed, uint64_t group, int e,
                                     const uint32_t words[TK_GROUP_WORDS], uint64_t range)
{
    const int wide = tk_is_wide(range), at = e % TK_GROUP_BLOCKS, word = e / TK_GROUP_BLOCKS;
    uint32_t again[4], high = words[e], low = wide ? words[32 + e] : 0;
    for (uint32_t attempt = 1;; attempt++) {
        if (wide) {
            unsigned __int128 product = (unsigned __int128)((uint64_t)high << 32 | low) * range;
            /* the remainder is only needed in the few cases that might be rejected */
            if ((uint64_t)product >= range || (uint64_t)product >= -range % range)
                return (uint64_t)(product >> 64);
        } else {
            uint64_t product = high * range;
            if ((uint32_t)product >= range ||
                (uint32_t)product >= (((uint64_t)1 << 32) - range) % range)
                return product >> 32;
        }
        tk_philox_block(seed, group * TK_GROUP_BLOCKS + (uint64_t)at, attempt, again);
        high = again[word];
        low = wide ? again[2 + word] : 0;
    }
}

#undef TK_PHILOX_M0
#undef TK_PHILOX_M1
#undef TK_PHILOX_W0
#undef TK_PHILOX_W1
#endif
