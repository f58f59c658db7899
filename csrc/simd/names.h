/* Names that mean "the one of the current element type".
 *
 * TK_SUFFIX is _f32, _f64, _i64, _i32, _u8 or _bool while a kernel body is being included for that
 * type; TK_FN(x) is then x_f32 and so on. The short names below let a body be written once:
 *     T   the element type               W   lanes in a vector
 *     V   a vector of W elements         M   the signed integer vector that comparisons yield
 *     SIDE   rows and columns of the blocks that v_transpose transposes
 */
#ifndef TK_NAMES_H
#define TK_NAMES_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h> /* here, because the short names below would break system headers */
#endif

#define TK_CAT_(a, b) a##b
#define TK_CAT(a, b) TK_CAT_(a, b)
#define TK_FN(name) TK_CAT(name, TK_SUFFIX)
#define TK_INLINE static inline __attribute__((always_inline, unused))
#define TK_OUTLINE static __attribute__((noinline, unused)) /* shared by many bodies: keeps them small */

/* The lanes of two vectors that `lanes` picks; from the number of lanes on, those of the second. */
#ifdef __clang__ /* which makes one shuffle of it where `lanes` is known */
#define TK_SHUFFLE(a, b, lanes)                                                                    \
    ({                                                                                             \
        const __typeof__(lanes) lanes_ = lanes;                                                    \
        __typeof__(a) a_ = a, b_ = b, picked_;                                                     \
        const int n_ = sizeof lanes_ / sizeof lanes_[0];                                           \
        _Pragma("unroll") for (int i_ = 0; i_ < n_; i_++)                                          \
            picked_[i_] = lanes_[i_] < n_ ? a_[lanes_[i_]] : b_[lanes_[i_] - n_];                  \
        picked_;                                                                                   \
    })
#else
#define TK_SHUFFLE(a, b, lanes) __builtin_shuffle(a, b, lanes)
#endif

#define W ((int)(TK_VECTOR_BYTES / sizeof(T)))
#define SIDE ((int)((TK_VECTOR_BYTES < 32 ? TK_VECTOR_BYTES : 32) / sizeof(T)))

typedef uint8_t tk_bytes __attribute__((vector_size(TK_VECTOR_BYTES)));

/* Read from byte 64 - n on, these are a mask of the first n bytes of a vector. */
static const uint64_t tk_ones_then_zeros_words[16]
    __attribute__((unused)) = {~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull};
#define tk_ones_then_zeros ((const char *)tk_ones_then_zeros_words)

/* A store past the caches, of an aligned vector; tk_stream_end comes before anybody else reads it. */
TK_INLINE void tk_bytes_stream(void *p, tk_bytes v)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    _mm512_stream_si512(p, (__m512i)v);
#elif defined(__AVX__) && TK_VECTOR_BYTES == 32
    _mm256_stream_si256(p, (__m256i)v);
#elif defined(__SSE2__)
    _mm_stream_si128(p, (__m128i)v);
#else
    memcpy(p, &v, sizeof v);
#endif
}

TK_INLINE void tk_stream_end(void)
{
#ifdef __SSE2__
    _mm_sfence();
#endif
}

/* Of eight items those whose byte of `keep` is 1, not 0, side by side; what lies behind, up to eight
 * items, is anything. The product of the bytes with ones has their running sum in its own bytes, so
 * that no item waits for the one before. */
#define TK_ONES 0x0101010101010101u
TK_INLINE void tk_keep_eight(void *to, const void *from, uint64_t keep, const int size)
{
#if defined(__AVX512VL__) && TK_VECTOR_BYTES == 64
    const __mmask8 lanes = (__mmask8)(keep * 0x0102040810204080u >> 56);
    if (size == 4) {
        const __m256i kept = _mm256_maskz_compress_epi32(lanes, _mm256_loadu_si256(from));
        _mm256_storeu_si256(to, kept);
        return;
    }
    if (size == 8) {
        const __m512i kept = _mm512_maskz_compress_epi64(lanes, _mm512_loadu_si512(from));
        _mm512_storeu_si512(to, kept);
        return;
    }
#endif
    const uint64_t before = keep * TK_ONES << 8;
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++)
        memcpy((char *)to + (int64_t)(before >> 8 * k & 255) * size, (const char *)from + k * size,
               (size_t)size);
}

/* The eight bytes of a word, each added to `first`. */
TK_INLINE void tk_widen_eight(int64_t *to, uint64_t bytes, int64_t first)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    const __m512i wide = _mm512_cvtepu8_epi64(_mm_cvtsi64_si128((long long)bytes));
    _mm512_storeu_si512(to, _mm512_add_epi64(wide, _mm512_set1_epi64(first)));
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    for (int k = 0; k < 8; k += 4, bytes >>= 32) {
        const __m256i wide = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128((int)bytes));
        _mm256_storeu_si256((__m256i *)(to + k), _mm256_add_epi64(wide, _mm256_set1_epi64x(first)));
    }
#else
    for (int k = 0; k < 8; k++)
        to[k] = first + (int64_t)(bytes >> 8 * k & 255);
#endif
}

/* Copies and fills by the processor's own instructions for strings, which on some processors read no
 * line that is written over: n bytes,
 * or n words of 8. Those take 0.75 of a loop's time from
 * 16 KiB on and 0.6 where caches are full. */
TK_INLINE void tk_string_copy(char *to, const char *from, int64_t n)
{
#ifdef __x86_64__
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
    memcpy(to, from, (size_t)n);
#endif
}

TK_INLINE void tk_string_fill(char *to, uint64_t words, int64_t n)
{
#ifdef __x86_64__
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(words) : "memory");
#else
    for (; n > 0; n--, to += sizeof words)
        memcpy(to, &words, sizeof words);
#endif
}

#define T TK_FN(T)
#define V TK_FN(V)
#define M TK_FN(M)
#define I TK_FN(I)

/* vec.h */
#define v_load TK_FN(v_load)
#define v_store TK_FN(v_store)
#define v_stream TK_FN(v_stream)
#define v_load_part TK_FN(v_load_part)
#define v_load_filled TK_FN(v_load_filled)
#define v_gather TK_FN(v_gather)
#define v_store_part TK_FN(v_store_part)
#define v_first TK_FN(v_first)
#define v_bits TK_FN(v_bits)
#define v_bytes TK_FN(v_bytes)
#define v_of_bytes TK_FN(v_of_bytes)
#define v_any TK_FN(v_any)
#define v_first_true TK_FN(v_first_true)
#define v_upper TK_FN(v_upper)
#define v_transpose TK_FN(v_transpose)
#define v_set TK_FN(v_set)
#define v_select TK_FN(v_select)
#define v_and_mask TK_FN(v_and_mask)
#define v_max TK_FN(v_max)
#define v_min TK_FN(v_min)
#define v_each1 TK_FN(v_each1)
#define v_each2 TK_FN(v_each2)
#define v_differs TK_FN(v_differs)
#define v_isnan TK_FN(v_isnan)

/* math.h, floating types only */
#define v_abs TK_FN(v_abs)
#define v_copysign TK_FN(v_copysign)
#define v_floor TK_FN(v_floor)
#define v_ceil TK_FN(v_ceil)
#define v_trunc TK_FN(v_trunc)
#define v_rint TK_FN(v_rint)
#define v_sqrt TK_FN(v_sqrt)
#define v_rsqrt TK_FN(v_rsqrt)
#define v_exp TK_FN(v_exp)
#define v_exp2 TK_FN(v_exp2)
#define v_expm1 TK_FN(v_expm1)
#define v_log TK_FN(v_log)
#define v_log2 TK_FN(v_log2)
#define v_log10 TK_FN(v_log10)
#define v_log1p TK_FN(v_log1p)
#define v_sin TK_FN(v_sin)
#define v_cos TK_FN(v_cos)
#define v_tan TK_FN(v_tan)
#define v_tanh TK_FN(v_tanh)
#define v_sigmoid TK_FN(v_sigmoid)
#define v_softplus TK_FN(v_softplus)
#define v_silu TK_FN(v_silu)
#define v_gelu TK_FN(v_gelu)
#define v_gelu_tanh TK_FN(v_gelu_tanh)
#define v_gelu_slope TK_FN(v_gelu_slope)
#define v_gelu_tanh_slope TK_FN(v_gelu_tanh_slope)
#define v_fmod TK_FN(v_fmod)
#define v_remainder TK_FN(v_remainder)
#define v_floor_divide TK_FN(v_floor_divide)
#define v_normal_tail TK_FN(v_normal_tail)
#define v_erf TK_FN(v_erf)
#define v_erfc TK_FN(v_erfc)
#define v_pow TK_FN(v_pow)
#define v_atan TK_FN(v_atan)
#define v_atan2 TK_FN(v_atan2)
#define v_asin TK_FN(v_asin)
#define v_acos TK_FN(v_acos)
#define v_sinh TK_FN(v_sinh)
#define v_cosh TK_FN(v_cosh)
#define v_asinh TK_FN(v_asinh)
#define v_acosh TK_FN(v_acosh)
#define v_atanh TK_FN(v_atanh)
#define v_lgamma TK_FN(v_lgamma)
#endif
