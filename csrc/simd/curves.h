/* gelu, its other form and their slopes; included by math_float.h and math_double.h.
 *
 * Up to TK_CURVE_MOST they are polynomials in the distance to the nearest of 0, 1/2, 1 ..., whose
 * coefficients are picked from registers: half the work of an exponential and what surrounds it.
 * Beyond come those of tails_float.h, or in double precision, out of line, of math_gates.h.
 */
#define TK_CURVE_MOST ((T)(TK_HAS_FMA || sizeof(T) == 4 ? 3.625 : 3.125))
#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#define TK_CURVE_DEGREE 13
#else
#define TK_CURVE_DEGREE 6
#endif

/* The tables give y at -a. A gate has y(a) = a + y(-a), the slope of one y(a) = 1 - y(-a); where
 * one instruction picks from 16 numbers, both halves are kept, first those of 0, 1/2 ..., then
 * those of -4, -7/2 ... -1/2. Every row is one degree, the highest first. */
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64 && !TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#define TK_CURVE_LANES 16
#define TK_BOTH(first, step, plus, minus, c0, c1, c2, c3, c4, c5, c6, c7)                          \
    {first plus c0, first + step plus c1, first + 2 * step plus c2, first + 3 * step plus c3,      \
     first + 4 * step plus c4, first + 5 * step plus c5, first + 6 * step plus c6,                 \
     first + 7 * step plus c7, 0, -0.0f minus c7, -0.0f minus c6, -0.0f minus c5,                  \
     -0.0f minus c4, -0.0f minus c3, -0.0f minus c2, -0.0f minus c1}
#else
#define TK_CURVE_LANES 8
#define TK_BOTH(first, step, plus, minus, c0, c1, c2, c3, c4, c5, c6, c7)                          \
    {c0, c1, c2, c3, c4, c5, c6, c7}
#endif
#define TK_EVEN(...) TK_BOTH(-0.0f, -0.0f, +, +, __VA_ARGS__)
#define TK_ODD(...) TK_BOTH(-0.0f, -0.0f, +, -, __VA_ARGS__)
#define TK_GATE_1(...) TK_BOTH(1, -0.0f, +, -, __VA_ARGS__)
#define TK_GATE_0(...) TK_BOTH(-0.0f, 0.5f, +, +, __VA_ARGS__)
#define TK_SLOPE_EVEN(...) TK_BOTH(-0.0f, -0.0f, -, +, __VA_ARGS__)
#define TK_SLOPE_ODD(...) TK_BOTH(-0.0f, -0.0f, -, -, __VA_ARGS__)
#define TK_SLOPE_0(...) TK_BOTH(1, -0.0f, -, +, __VA_ARGS__)

typedef T TK_Curve[TK_CURVE_DEGREE + 1][TK_CURVE_LANES] __attribute__((aligned(64)));

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#include "curves_double.h"
#else
#include "curves_float.h"
#endif

/* NaN stays NaN. */
TK_INLINE V v_curve(V x, const TK_Curve curve, const int slope)
{
    const T magic = (T)0.5 * TK_MAGIC;
#if TK_CURVE_LANES == 16
    (void)slope; /* its signs are in the table */
    V t = x + magic, u = x - (t - magic), p = {0};
#pragma GCC unroll 16
    for (int k = 0; k <= TK_CURVE_DEGREE; k++) {
        V c = _mm512_permutexvar_ps((__m512i)t, _mm512_load_ps(curve[k]));
        p = k ? p * u + c : c;
    }
    return p;
#else
    V a = v_abs(x), t = a + magic, center = t - magic, u = a - center, p = v_pick(curve[0], t);
    M left = (M)x < 0;
#pragma GCC unroll 16
    for (int k = 1; k < TK_CURVE_DEGREE - 1; k++)
        p = p * u + v_pick(curve[k], t);
    V tilt = v_pick(curve[TK_CURVE_DEGREE - 1], t), level = v_pick(curve[TK_CURVE_DEGREE], t);
    if (slope) {
        p = (V)((M)(p * u + tilt) ^ (~left & TK_SIGN));
        return p * u + v_select(left, level, 1 - level);
    }
    tilt = v_select(left, tilt, 1 + tilt);
    level = v_select(left, level, center + level);
    if (sizeof(T) == 8)
        return (p * u + tilt) * u + level;
    return v_product_plus(v_product_plus(p, u, tilt), u, level); /* most of which may cancel */
#endif
}

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#include "math_gates.h"
#define TK_CURVE_FAR TK_OUTLINE
#else
#include "tails_float.h"
#define TK_CURVE_FAR TK_INLINE
#endif

/* The far lanes by their formula; never by what the other lanes hold. */
#define TK_CURVED(name, far, formula, curve, slope)                                                \
    TK_CURVE_FAR V far(V x, V near)                                                                \
    {                                                                                              \
        return v_less(v_set(TK_CURVE_MOST), v_abs(x), formula(x), near);                           \
    }                                                                                              \
    TK_INLINE V name(V x)                                                                          \
    {                                                                                              \
        V y = v_curve(x, curve, slope);                                                            \
        return v_any_above(v_abs(x), TK_CURVE_MOST) ? far(x, y) : y;                               \
    }
TK_CURVED(v_gelu, v_gelu_far, v_gelu_formula, TK_FN(tk_gelu_curve), 0)
TK_CURVED(v_gelu_tanh, v_gelu_tanh_far, v_gelu_tanh_formula, TK_FN(tk_gelu_tanh_curve), 0)
TK_CURVED(v_gelu_slope, v_gelu_slope_far, v_gelu_slope_formula, TK_FN(tk_gelu_slope_curve), 1)
TK_CURVED(v_gelu_tanh_slope, v_gelu_tanh_slope_far, v_gelu_tanh_slope_formula,
          TK_FN(tk_gelu_tanh_slope_curve), 1)
#undef TK_CURVED
#undef TK_CURVE_FAR
#undef TK_CURVE_MOST
#undef TK_CURVE_DEGREE
#undef TK_CURVE_LANES
#undef TK_BOTH
#undef TK_EVEN
#undef TK_ODD
#undef TK_GATE_1
#undef TK_GATE_0
#undef TK_SLOPE_EVEN
#undef TK_SLOPE_ODD
#undef TK_SLOPE_0
