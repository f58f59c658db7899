/* Elementary functions on vectors; included after vec.h, once per floating type (no include guard).
 *
 * Everything is straight-line arithmetic on whole vectors. a*b+c is left to the compiler to contract
 * into FMA, which it does alike for every width, so AVX2 and AVX-512 return the same bits.
 * Special values are C99's (Annex F), but no exception flags are promised.
 */
#ifndef TK_MATH_H
#define TK_MATH_H

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define TK_HAS_FMA 1
#else
#define TK_HAS_FMA 0
#endif

#define TK_IS_DOUBLE_f32 0
#define TK_IS_DOUBLE_f64 1

/* TK_MM(sqrt) is _mm256_sqrt_ps, say: the x86 intrinsic of the current width and element type. */
#define TK_PACKED_f32 _ps
#define TK_PACKED_f64 _pd
#define TK_MM(op) TK_CAT(TK_CAT(TK_MM_PREFIX, op), TK_CAT(TK_PACKED, TK_SUFFIX))
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
#define TK_MM_PREFIX _mm512_
#define TK_MM_ROUND(x, how) TK_MM(roundscale)(x, (how) | _MM_FROUND_NO_EXC)
#elif defined(__AVX__) && TK_VECTOR_BYTES == 32
#define TK_MM_PREFIX _mm256_
#define TK_MM_ROUND(x, how) TK_MM(round)(x, (how) | _MM_FROUND_NO_EXC)
#elif defined(__SSE2__) && TK_VECTOR_BYTES == 16
#define TK_MM_PREFIX _mm_
#endif

/* the bit patterns that the two headers share under one name */
#define TK_SIGN ((I)((I)1 << (8 * sizeof(I) - 1)))
#endif

TK_INLINE V v_abs(V x)
{
    return (V)((M)x & ~TK_SIGN);
}

TK_INLINE V v_copysign(V x, V sign)
{
    return (V)(((M)x & ~TK_SIGN) | ((M)sign & TK_SIGN));
}

#ifdef TK_MM_ROUND
TK_INLINE V v_rint(V x)
{
    return TK_MM_ROUND(x, _MM_FROUND_TO_NEAREST_INT);
}

TK_INLINE V v_floor(V x)
{
    return TK_MM_ROUND(x, _MM_FROUND_TO_NEG_INF);
}

TK_INLINE V v_ceil(V x)
{
    return TK_MM_ROUND(x, _MM_FROUND_TO_POS_INF);
}

TK_INLINE V v_trunc(V x)
{
    return TK_MM_ROUND(x, _MM_FROUND_TO_ZERO);
}
#else
/* From 1/epsilon on every number is an integer, and adding 1/epsilon rounds what is below. */
TK_INLINE V v_rint(V x)
{
    const T big = sizeof(T) == 8 ? (T)0x1p52 : (T)0x1p23;
    V a = v_abs(x);
    return v_select(a < big, v_copysign((a + big) - big, x), x);
}

TK_INLINE V v_floor(V x)
{
    V r = v_rint(x);
    return r - v_and_mask(r > x, v_set(1));
}

TK_INLINE V v_ceil(V x)
{
    V r = v_rint(x);
    return v_copysign(r + v_and_mask(r < x, v_set(1)), x); /* -0.5 gives -0 */
}

TK_INLINE V v_trunc(V x)
{
    return v_copysign(v_floor(v_abs(x)), x);
}
#endif

TK_INLINE V v_sqrt(V x)
{
#ifdef TK_MM_PREFIX
    return TK_MM(sqrt)(x);
#else
    for (int i = 0; i < W; i++)
        x[i] = (T)sqrt(x[i]);
    return x;
#endif
}

TK_INLINE V v_rsqrt(V x)
{
    return 1 / v_sqrt(x);
}

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#include "math_double.h"
#else
#include "math_float.h"
#endif
