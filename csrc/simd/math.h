/* Elementary functions on vectors; included after vec.h, once per floating type (no include guard).
 *
 * Everything is straight-line arithmetic on whole vectors. a*b+c is left to the compiler, which
 * makes it an FMA, alike for every width, so AVX2 and AVX-512 return the same bits.
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
#define TK_MM_CMP_MASK TK_CAT(TK_CAT(_mm512_cmp, TK_CAT(TK_PACKED, TK_SUFFIX)), _mask)
#define TK_MM_LESS(a, b) TK_MM_CMP_MASK(a, b, _CMP_LT_OQ)
#elif defined(__AVX__) && TK_VECTOR_BYTES == 32
#define TK_MM_PREFIX _mm256_
#define TK_MM_ROUND(x, how) TK_MM(round)(x, (how) | _MM_FROUND_NO_EXC)
#elif defined(__SSE2__) && TK_VECTOR_BYTES == 16
#define TK_MM_PREFIX _mm_
#endif

#define TK_SIGN ((I)((I)1 << (8 * sizeof(I) - 1)))

/* helpers of math.h and what it includes */
#define TK_Bits TK_FN(TK_Bits)
#define v_smaller TK_FN(v_smaller)
#define v_larger TK_FN(v_larger)
#define v_at_most TK_FN(v_at_most)
#define v_at_least TK_FN(v_at_least)
#define v_less TK_FN(v_less)
#define v_far TK_FN(v_far)
#define v_pow2 TK_FN(v_pow2)
#define v_scale TK_FN(v_scale)
#define v_product_plus TK_FN(v_product_plus)
#define v_exp_reduce TK_FN(v_exp_reduce)
#define v_exp_poly TK_FN(v_exp_poly)
#define v_exp_reduce_sum TK_FN(v_exp_reduce_sum)
#define v_exp2_poly TK_FN(v_exp2_poly)
#define v_expm1_poly TK_FN(v_expm1_poly)
#define v_eighths TK_FN(v_eighths)
#define v_exp_half TK_FN(v_exp_half)
#define v_eighths_exp TK_FN(v_eighths_exp)
#define v_log1p_exp TK_FN(v_log1p_exp)
#define v_one_plus TK_FN(v_one_plus)
#define v_logistic TK_FN(v_logistic)
#define v_exponent TK_FN(v_exponent)
#define v_number TK_FN(v_number)
#define v_log_split TK_FN(v_log_split)
#define v_log_tail TK_FN(v_log_tail)
#define v_log_sum TK_FN(v_log_sum)
#define v_log_ends TK_FN(v_log_ends)
#define v_log_base TK_FN(v_log_base)
#define v_log1p_inner TK_FN(v_log1p_inner)
#define v_tanh_small TK_FN(v_tanh_small)
#define v_tanh_missing TK_FN(v_tanh_missing)
#define v_sinh_small TK_FN(v_sinh_small)
#define v_erf_small TK_FN(v_erf_small)
#define v_erfc_parts TK_FN(v_erfc_parts)
#define v_erfc_beyond TK_FN(v_erfc_beyond)
#define v_pick TK_FN(v_pick)
#define v_pick16 TK_FN(v_pick16)
#define v_far2 TK_FN(v_far2)
#define v_fma TK_FN(v_fma)
#define v_product TK_FN(v_product)
#define v_pow_positive TK_FN(v_pow_positive)
#define v_pow_ends TK_FN(v_pow_ends)
#define v_pow_normal TK_FN(v_pow_normal)
#define v_pow_rare TK_FN(v_pow_rare)
#define v_pow_is_rare TK_FN(v_pow_is_rare)
#define v_gate TK_FN(v_gate)
#define v_gelu_formula TK_FN(v_gelu_formula)
#define v_gelu_tanh_formula TK_FN(v_gelu_tanh_formula)
#define v_gelu_slope_formula TK_FN(v_gelu_slope_formula)
#define v_gelu_tanh_slope_formula TK_FN(v_gelu_tanh_slope_formula)
#define v_curve TK_FN(v_curve)
#define TK_Curve TK_FN(TK_Curve)
#define v_gelu_far TK_FN(v_gelu_far)
#define v_gelu_tanh_far TK_FN(v_gelu_tanh_far)
#define v_gelu_slope_far TK_FN(v_gelu_slope_far)
#define v_gelu_tanh_slope_far TK_FN(v_gelu_tanh_slope_far)
#define v_any_above TK_FN(v_any_above)
#define v_turn TK_FN(v_turn)
#define v_sin_poly TK_FN(v_sin_poly)
#define v_cos_poly TK_FN(v_cos_poly)
#define v_tan_poly TK_FN(v_tan_poly)
#define v_atan_unit TK_FN(v_atan_unit)
#define v_asin_tail TK_FN(v_asin_tail)
#define v_stirling TK_FN(v_stirling)
#define v_any_more TK_FN(v_any_more)
#define v_any_outside TK_FN(v_any_outside)
#define v_log_pieces TK_FN(v_log_pieces)
#define v_log_normal TK_FN(v_log_normal)
#define v_log_rare TK_FN(v_log_rare)
#define v_log_table TK_FN(v_log_table)
#define v_log1p_rare TK_FN(v_log1p_rare)
#define v_sine_of_turn TK_FN(v_sine_of_turn)
#define v_lgamma_far TK_FN(v_lgamma_far)
#define v_lgamma_above TK_FN(v_lgamma_above)
#define v_lgamma_below TK_FN(v_lgamma_below)
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

/* a * b + c rounded once */
TK_INLINE V v_fma(V a, V b, V c)
{
#if defined(__FMA__) && defined(TK_MM_PREFIX)
    return TK_MM(fmadd)(a, b, c);
#else
    for (int i = 0; i < W; i++)
        a[i] = (T)fma(a[i], b[i], c[i]);
    return a;
#endif
}

/* a * b rounded, which no sum is fused with */
TK_INLINE V v_product(V a, V b)
{
    return v_fma(a, b, v_set(0));
}

TK_INLINE V v_rsqrt(V x)
{
    return 1 / v_sqrt(x);
}

/* The smaller and the larger, as processors choose: b where either is NaN. */
TK_INLINE V v_smaller(V a, V b)
{
#ifdef TK_MM_PREFIX
    return TK_MM(min)(a, b);
#else
    return v_select(a < b, a, b);
#endif
}

TK_INLINE V v_larger(V a, V b)
{
#ifdef TK_MM_PREFIX
    return TK_MM(max)(a, b);
#else
    return v_select(a > b, a, b);
#endif
}

/* min(x, bound) and max(x, bound), where NaN stays NaN */
TK_INLINE V v_at_most(V x, T bound)
{
    return v_smaller(v_set(bound), x);
}

TK_INLINE V v_at_least(V x, T bound)
{
    return v_larger(v_set(bound), x);
}

/* a < b ? yes : no */
TK_INLINE V v_less(V a, V b, V yes, V no)
{
#ifdef TK_MM_LESS
    return TK_MM(mask_blend)(TK_MM_LESS(a, b), no, yes);
#else
    return v_select(a < b, yes, no);
#endif
}

/* for each lane the one of eight numbers which the low bits of t tell */
TK_INLINE V v_pick(const T *eight, V t)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    if (sizeof(T) == 8)
        return (V)_mm512_permutexvar_epi64((__m512i)t, _mm512_loadu_si512(eight));
    return (V)_mm512_permutexvar_epi32(
        (__m512i)t, _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)eight)));
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    const __m256i *four = (const __m256i *)eight;
    if (sizeof(T) == 8) { /* each half of a number by its own index; bit 2 picks the table half */
        M low = (M)t << 1, both = (low & 6) | ((low | 1) << (4 * sizeof(T)));
        V first = (V)_mm256_permutevar8x32_epi32(_mm256_loadu_si256(four), (__m256i)both);
        V last = (V)_mm256_permutevar8x32_epi32(_mm256_loadu_si256(four + 1), (__m256i)both);
        M upper = (M)t << (8 * sizeof(T) - 3);
        return (V)_mm256_blendv_pd((__m256d)first, (__m256d)last, (__m256d)upper);
    }
    return (V)_mm256_permutevar8x32_epi32(_mm256_loadu_si256(four), (__m256i)t);
#else
    for (int i = 0; i < W; i++)
        t[i] = eight[((M)t)[i] & 7];
    return t;
#endif
}

/* for each lane the one of sixteen aligned numbers which the low bits of t tell */
TK_INLINE V v_pick16(const T *sixteen, M t)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    if (sizeof(T) == 8)
        return (V)_mm512_permutex2var_epi64(_mm512_load_si512(sixteen), (__m512i)t,
                                            _mm512_load_si512(sixteen + 8));
    return (V)_mm512_permutexvar_epi32((__m512i)t, _mm512_load_si512(sixteen));
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    if (sizeof(T) == 8)
        return v_gather(sixteen, t & 15);
    const __m256i *eight = (const __m256i *)sixteen;
    __m256i low = _mm256_permutevar8x32_epi32(eight[0], (__m256i)t);
    __m256i high = _mm256_permutevar8x32_epi32(eight[1], (__m256i)t);
    return (V)_mm256_blendv_ps((__m256)low, (__m256)high, (__m256)(t << 28));
#else
    V v;
    for (int i = 0; i < W; i++)
        v[i] = sixteen[t[i] & 15];
    return v;
#endif
}

/* whether any lane is above the limit */
TK_INLINE int v_any_above(V x, T limit)
{
#ifdef TK_MM_LESS
    return TK_MM_LESS(v_set(limit), x) != 0;
#else
    return v_any(x > limit);
#endif
}

/* the same of integers */
TK_INLINE int v_any_more(M x, I limit)
{
#ifdef TK_MM_LESS
    if (sizeof(T) == 4)
        return _mm512_cmpgt_epi32_mask((__m512i)x, _mm512_set1_epi32((int)limit)) != 0;
#endif
    return v_any(x > limit);
}

/* near, with f(x) in the lanes where |x| > limit; out of line, for it is hardly ever needed */
static __attribute__((noinline, cold, unused)) V v_far(V x, V near, T limit, T (*f)(T))
{
    for (int i = 0; i < W; i++)
        if (x[i] > limit || x[i] < -limit)
            near[i] = f(x[i]);
    return near;
}

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#include "math_double.h"
#else
#include "math_float.h"
#endif

#undef TK_LIBM
#undef TK_MANTISSA
#undef TK_EPSILON
#undef TK_SMALLEST_NORMAL
#undef TK_MAGIC
#undef TK_ONE_BITS
#undef TK_CENTER
#undef TK_CENTER_BITS
#undef TK_REST_BITS
#undef TK_LN2
#undef TK_LN2_HI
#undef TK_LN2_LO
#undef TK_LN2_EIGHTH_HI
#undef TK_LN2_EIGHTH_LO
#undef TK_EIGHTH_UNIT
#undef TK_LOG2E
#undef TK_LOG2E_HI
#undef TK_LOG2E_LO
#undef TK_LOG10E_HI
#undef TK_LOG10E_LO
#undef TK_LOG10_2_HI
#undef TK_LOG10_2_LO
#undef TK_TWO_OVER_PI
#undef TK_HALF_PI
#undef TK_HALF_PI_LO
#undef TK_HALF_PI_BEYOND
#undef TK_TURN_LIMIT
#undef TK_HALF_PI_1
#undef TK_HALF_PI_2
#undef TK_HALF_PI_3
#undef TK_HALF_PI_4
#undef TK_EXP_LEAST
#undef TK_GATE_LEAST
#undef TK_EXP_MOST
#undef TK_EXP2_LEAST
#undef TK_EXP2_MOST
#undef TK_TANH_MOST
#undef TK_ERF_MOST
#undef TK_TANH_SPLIT
#undef TK_ERF_SPLIT
