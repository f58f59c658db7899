/* The functions whose text is the same in both precisions; included by math_float.h and
 * math_double.h, after their constants and polynomials. */

/* 2^n for a normal result, from t = n + TK_MAGIC */
TK_INLINE V v_pow2(V t)
{
    return (V)(((M)t << TK_MANTISSA) + TK_ONE_BITS);
}

/* p * 2^n rounded once, for n up to twice the range of exponents, from t = n + TK_MAGIC */
TK_INLINE V v_scale(V p, V t)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    return TK_MM(scalef)(p, t - TK_MAGIC);
#else
    M half = (M)((TK_Bits)t >> 1);
    return p * v_pow2((V)half) * v_pow2((V)((M)t - half));
#endif
}

/* a b + c, of which little is lost if it is small; a zero c keeps its sign as with FMA */
TK_INLINE V v_product_plus(V a, V b, V c)
{
#if TK_HAS_FMA
    return v_fma(a, b, c);
#else
    V a_high = (V)((M)a & ~TK_REST_BITS), b_high = (V)((M)b & ~TK_REST_BITS);
    V product = a_high * b_high, sum = product + c;
    V lost = (a_high - a) * b - a_high * (b - b_high);
    return sum - ((sum - c) - product + lost);
#endif
}

/* x = n ln 2 + r with |r| <= ln(2)/2; returns r and sets t = n + TK_MAGIC */
TK_INLINE V v_exp_reduce(V x, V *t)
{
    *t = x * TK_LOG2E + TK_MAGIC;
    V n = *t - TK_MAGIC;
    V r = x - n * TK_LN2_HI;
    return r - n * TK_LN2_LO;
}

/* the same for x + rest, where the rest is small */
TK_INLINE V v_exp_reduce_sum(V x, V rest, V *t)
{
    *t = x * TK_LOG2E + TK_MAGIC;
    V n = *t - TK_MAGIC;
    return (x - n * TK_LN2_HI) + (rest - n * TK_LN2_LO);
}

TK_INLINE V v_exp(V x)
{
    V t, r = v_exp_reduce(v_at_most(v_at_least(x, TK_EXP_LEAST), TK_EXP_MOST), &t);
    return v_scale(v_exp_poly(r), t);
}

TK_INLINE V v_exp2(V x)
{
    x = v_at_most(v_at_least(x, TK_EXP2_LEAST), TK_EXP2_MOST);
    V t = x + TK_MAGIC;
    return v_scale(v_exp2_poly(x - (t - TK_MAGIC)), t);
}

/* exp(a) / 2, which is finite for somewhat larger a than exp(a) */
TK_INLINE V v_exp_half(V a)
{
    V t, r = v_exp_reduce(v_at_most(a, TK_EXP_MOST + 1), &t);
    return v_scale(v_exp_poly(r), t - 1);
}

/* 2^n (p + 1) - 1 with p = expm1(r), in halves because 2^n may be out of range */
TK_INLINE V v_expm1(V x)
{
    V t, r = v_exp_reduce(v_at_most(v_at_least(x, -40), TK_EXP_MOST), &t);
    V half = v_pow2(t - 1);
    V y = v_expm1_poly(r) * half + (half - 0.5f);
    return v_less(v_abs(x), v_set(TK_EPSILON / 4), x, y + y);
}

/* The integer k for which x / 2^k is from TK_CENTER to twice that; x is normal and positive. */
TK_INLINE M v_exponent(V x)
{
    /* the bias keeps the difference positive: AVX2 has no arithmetic shift of 64-bit lanes */
    const I bias = (I)((I)1 << (8 * sizeof(I) - 2)) >> TK_MANTISSA;
    return (M)((TK_Bits)((M)x - TK_CENTER_BITS + (bias << TK_MANTISSA)) >> TK_MANTISSA) - bias;
}

/* a small integer as a number */
TK_INLINE V v_number(M k)
{
    const V magic = v_set(TK_MAGIC);
    return (V)((M)magic + k) - magic;
}

/* x = 2^e (1 + f) for positive x; returns f */
TK_INLINE V v_log_split(V x, V *e)
{
    V normal = v_set(TK_SMALLEST_NORMAL), missing = v_less(x, normal, v_set(TK_MANTISSA), v_set(0));
    x = v_less(x, normal, x / TK_EPSILON, x);
    M k = v_exponent(x);
    *e = v_number(k) - missing;
    return (V)((M)x - (k << TK_MANTISSA)) - 1;
}

/* log(2^e (1 + f)), given tail = log(1 + f) - f */
TK_INLINE V v_log_sum(V f, V tail, V e)
{
    V y = tail + e * TK_LN2_LO;
    V sum = f + e * TK_LN2_HI;
    y = y + ((e * TK_LN2_HI - sum) + f); /* what the sum lost */
    return sum + y;
}

/* y where 0 < x < inf, and what a logarithm of x is elsewhere */
TK_INLINE V v_log_ends(V x, V y)
{
    V zero = v_set(0);
    y = v_less(zero, x, y, v_set(-INFINITY));
    y = v_less(x, zero, v_set(NAN), y);
    return v_less(x, v_set(INFINITY), y, x);
}

#if TK_HAS_FMA && !TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#include "log_float.h"
#else
TK_INLINE V v_log(V x)
{
    V e, f = v_log_split(x, &e);
    return v_log_ends(x, v_log_sum(f, v_log_tail(f), e));
}

/* log(2^e (1 + f)) / log(base); hi + lo = 1 / log(base) and whole + part = e log(2) / log(base) are
 * given. hi and the bits of f outside TK_REST_BITS are so short that their product is exact. */
TK_INLINE V v_log_base(V f, T hi, T lo, V whole, V part)
{
    V short_f = (V)((M)f & ~TK_REST_BITS);
    V y = v_log_tail(f) * (hi + lo) + (f * lo + part);
    y = y + (f - short_f) * hi;
    V sum = short_f * hi + whole;
    y = y + (short_f * hi + (whole - sum)); /* what the sum lost */
    return sum + y;
}

TK_INLINE V v_log2(V x)
{
    V e, f = v_log_split(x, &e);
    return v_log_ends(x, v_log_base(f, TK_LOG2E_HI, TK_LOG2E_LO, e, v_set(0)));
}

TK_INLINE V v_log10(V x)
{
    V e, f = v_log_split(x, &e), whole = e * TK_LOG10_2_HI, part = e * TK_LOG10_2_LO;
    return v_log_ends(x, v_log_base(f, TK_LOG10E_HI, TK_LOG10E_LO, whole, part));
}

/* log(1 + x), -1 < x < inf. The exponent k is that of 1 + x rounded; x is scaled before 1 is added,
 * so that f = x 2^-k - (1 - 2^-k) rounds for k = 1 alone. */
TK_INLINE V v_log1p_inner(V x)
{
    M k = v_exponent(1 + x);
    V scaled = (V)((M)x - (k << TK_MANTISSA));
    /* 2^-k is 0 for the largest k, for which it would have no exponent left */
    V missing = 1 - (V)((TK_ONE_BITS - (k << TK_MANTISSA)) & (k <= TK_ONE_BITS >> TK_MANTISSA));
    V f = scaled - missing;
    V tail = v_log_tail(f) + (scaled - (f + missing)); /* what f lost */
    return v_copysign(v_log_sum(f, tail, v_number(k)), x);
}

TK_INLINE V v_log1p(V x)
{
    V y = v_less(x, v_set(INFINITY), v_log1p_inner(x), x);
    y = v_select(x == -1, v_set(-INFINITY), y);
    return v_less(x, v_set(-1), v_set(NAN), y);
}
#endif

/* factor / (1 + exp(-x)) divided by TK_EIGHTH_UNIT, for x from TK_GATE_LEAST to 40, between which
 * the unit times exp(-x) = 2^(n/8) exp(-r) is normal, and so is the result */
TK_INLINE V v_logistic(V factor, V x)
{
    V t = x * (-8 * TK_LOG2E) + TK_MAGIC, n = t - TK_MAGIC;
    V r = x + n * TK_LN2_EIGHTH_HI;
    r = r + n * TK_LN2_EIGHTH_LO;
    return factor / v_one_plus(r, t);
}

/* of which 40 is as good as more. Below TK_GATE_LEAST it is 0 by the mask, under which AVX-512 divides:
 * a quotient that underflows takes three times as long. */
TK_INLINE V v_sigmoid(V x)
{
    return v_and_mask(~(x < (T)TK_GATE_LEAST), v_logistic(v_set(TK_EIGHTH_UNIT), v_at_most(x, 40)));
}

TK_INLINE V v_silu(V x)
{
    V inner = v_at_most(x, 40), y = v_logistic(inner, inner);
    y = v_less(x, v_set(TK_GATE_LEAST), v_set(-0.0f), y);
    return v_less(x, v_set(40), y * TK_EIGHTH_UNIT, x);
}

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
/* log(1 + exp(-a)) / TK_EIGHTH_UNIT, a >= 0 */
TK_INLINE V v_log1p_exp(V a)
{
    V t, r = v_exp_reduce(v_at_least(-a, TK_EXP_LEAST), &t);
    return v_log1p_inner(v_scale(v_exp_poly(r), t)) / TK_EIGHTH_UNIT;
}
#endif

/* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)) */
TK_INLINE V v_softplus(V x)
{
    return v_log1p_exp(v_abs(x)) * TK_EIGHTH_UNIT + v_at_least(x, 0);
}

/* Beyond TK_TANH_SPLIT it is 1 - 2 / (1 + exp(2a)), a = |x|. */
TK_INLINE V v_tanh(V x)
{
    V a = v_abs(x), b = v_at_most(a, TK_TANH_MOST);
#if TK_HAS_FMA
    V q = 1 - v_tanh_missing(b);
#else
    V q = 1 - v_logistic(v_set(2 * TK_EIGHTH_UNIT), -2 * b);
#endif
    return v_copysign(v_less(a, v_set(TK_TANH_SPLIT), v_tanh_small(x), q), x);
}

/* Up to 1 a polynomial, beyond (exp(a) - exp(-a)) / 2. */
TK_INLINE V v_sinh(V x)
{
    V a = v_abs(x), h = v_exp_half(a);
    return v_less(a, v_set(1), v_sinh_small(x), v_copysign(h - 0.25f / h, x));
}

TK_INLINE V v_cosh(V x)
{
    V h = v_exp_half(v_abs(x));
    return h + 0.25f / h;
}

/* log(a + sqrt(1 + a^2)) for a = |x|; of a large one log(2a), by a/4 because of v_log1p_inner */
TK_INLINE V v_asinh(V x)
{
    V a = v_abs(x), large = v_set(0x1p60f); /* where 1 vanishes and a^2 is still a number */
    V y = v_less(a, large, a + a * a / (1 + v_sqrt(1 + a * a)), 0.25f * a);
    y = v_log1p_inner(y) + v_less(a, large, v_set(0), v_set(3 * TK_LN2));
    return v_copysign(v_less(a, v_set(INFINITY), y, a), x);
}

/* log(x + sqrt(x^2 - 1)), in d = x - 1 */
TK_INLINE V v_acosh(V x)
{
    V d = x - 1, large = v_set(0x1p60f);
    V y = v_less(x, large, d + v_sqrt(d * (d + 2)), 0.25f * x);
    y = v_log1p_inner(y) + v_less(x, large, v_set(0), v_set(3 * TK_LN2));
    y = v_less(x, v_set(INFINITY), y, x);
    return v_less(x, v_set(1), v_set(NAN), y);
}

/* log((1 + a) / (1 - a)) / 2 for a = |x| */
TK_INLINE V v_atanh(V x)
{
    V a = v_abs(x);
    return v_copysign(0.5f * v_log1p((a + a) / (1 - a)), x);
}

/* |x| = n pi/2 + r + tail with |r| <= pi/4, for |x| <= TK_TURN_LIMIT; returns r, sets the low bits
 * of n. n times each part of pi/2 but the last is exact, with FMA because it is not rounded. There
 * the tail matters only where r is tiny, unless it is `whole`: then, and without FMA always, it is
 * also what the last step of r lost. */
TK_INLINE V v_turn(V x, V *tail, M *n, const int whole)
{
    (void)whole;
    V a = v_abs(x), t = a * TK_TWO_OVER_PI + TK_MAGIC;
    *n = (M)t;
    t = t - TK_MAGIC;
#if TK_HAS_FMA
    a = a - t * TK_HALF_PI;
    V r = a - t * TK_HALF_PI_LO;
    *tail = t * -TK_HALF_PI_BEYOND;
    if (whole) /* of an r above 1/8, from which a is so little apart that a - r is exact */
        *tail += v_and_mask(v_abs(r) > 0.125f, (a - r) - t * TK_HALF_PI_LO);
    return r;
#else
    a = a - t * TK_HALF_PI_1;
    a = a - t * TK_HALF_PI_2;
    V r = a - t * TK_HALF_PI_3;
    *tail = ((a - r) - t * TK_HALF_PI_3) - t * TK_HALF_PI_4;
    return r;
#endif
}

TK_INLINE V v_sin(V x)
{
    M n;
    V tail, r = v_turn(x, &tail, &n, 0);
    V y = v_select((n & 1) == 0, v_sin_poly(r, tail), v_cos_poly(r, tail));
    y = (V)((M)y ^ ((M)x & TK_SIGN) ^ ((n & 2) << (8 * sizeof(T) - 2)));
    if (__builtin_expect(v_any_above(v_abs(x), TK_TURN_LIMIT), 0))
        return v_far(x, y, TK_TURN_LIMIT, TK_LIBM(sin));
    return y;
}

TK_INLINE V v_cos(V x)
{
    M n;
    V tail, r = v_turn(x, &tail, &n, 0);
    V y = v_select((n & 1) == 0, v_cos_poly(r, tail), v_sin_poly(r, tail));
    y = (V)((M)y ^ (((n + 1) & 2) << (8 * sizeof(T) - 2)));
    if (__builtin_expect(v_any_above(v_abs(x), TK_TURN_LIMIT), 0))
        return v_far(x, y, TK_TURN_LIMIT, TK_LIBM(cos));
    return y;
}

/* past an odd multiple of pi/2 it is -1 / tan(r) */
TK_INLINE V v_tan(V x)
{
    M n;
    V tail, r = v_turn(x, &tail, &n, 1), p = v_tan_poly(r, tail);
    M even = (n & 1) == 0;
    V y = v_select(even, p, v_set(-1)) / v_select(even, v_set(1), p);
    y = (V)((M)y ^ ((M)x & TK_SIGN));
    if (__builtin_expect(v_any_above(v_abs(x), TK_TURN_LIMIT), 0))
        return v_far(x, y, TK_TURN_LIMIT, TK_LIBM(tan));
    return y;
}

/* Beyond 1 it is pi/2 - atan(1/x). */
TK_INLINE V v_atan(V x)
{
    V a = v_abs(x), one = v_set(1);
    V y = v_atan_unit(v_less(one, a, 1 / a, a));
    return v_copysign(v_less(one, a, TK_HALF_PI - (y - TK_HALF_PI_LO), y), x);
}

TK_INLINE V v_atan2(V y, V x)
{
    V a = v_abs(y), b = v_abs(x);
    V q = v_less(b, a, b, a) / v_less(b, a, a, b);
    q = v_select(a == b, v_and_mask(a != 0, v_set(1)), q); /* 0/0 and inf/inf as well */
    V t = v_atan_unit(q);
    M steep = a > b, left = (M)x < 0;
    /* pi/2 k + t or pi/2 k - t, k = 0, 1, 2 */
    V k = v_select(steep, v_set(1), v_and_mask(left, v_set(2)));
    t = (V)((M)t ^ ((steep ^ left) & TK_SIGN));
    t = k * TK_HALF_PI + (t + k * TK_HALF_PI_LO);
    return v_copysign(v_select(x != x, x, t), y);
}

/* Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)). */
TK_INLINE V v_asin(V x)
{
    V a = v_abs(x), half = v_set(0.5f);
    V z = v_less(half, a, 0.5f - 0.5f * a, a * a);
    V s = v_less(half, a, v_sqrt(z), a);
    V tail = v_asin_tail(s, z);
    V outer = (TK_HALF_PI - (s + s)) - (tail + tail - TK_HALF_PI_LO);
    return v_copysign(v_less(half, a, outer, s + tail), x);
}

/* pi/2 - asin(x); beyond 1/2: 2 asin(sqrt((1 - |x|) / 2)), or pi minus that. */
TK_INLINE V v_acos(V x)
{
    V a = v_abs(x), half = v_set(0.5f);
    V z = v_less(half, a, 0.5f - 0.5f * a, a * a);
    V s = v_less(half, a, v_sqrt(z), x);
    V tail = v_asin_tail(s, z);
    V outer = s + tail;
    outer = outer + outer;
    outer = v_less(x, v_set(0), 2 * TK_HALF_PI - (outer - 2 * TK_HALF_PI_LO), outer);
    return v_less(half, a, outer, TK_HALF_PI - (s + (tail - TK_HALF_PI_LO)));
}

/* Beyond TK_ERF_SPLIT it is 1 - erfc, of which few digits are needed. */
TK_INLINE V v_erf(V x)
{
    V a = v_at_most(v_abs(x), TK_ERF_MOST), power, factor = v_erfc_parts(a, &power);
    V t = power + TK_MAGIC, r = power - (t - TK_MAGIC);
    V q = 1 - factor * (v_exp2_poly(r) * v_pow2(t));
    return v_less(a, v_set(TK_ERF_SPLIT), v_erf_small(x), v_copysign(q, x));
}

/* near, with f(a, b) in the lanes of the mask */
static __attribute__((noinline, cold, unused)) V v_far2(M far, V a, V b, V near, T (*f)(T, T))
{
    for (int i = 0; i < W; i++)
        if (far[i])
            near[i] = f(a[i], b[i]);
    return near;
}

/* C's fmod, exact. The rounded quotient is never too small, and at most 1 too large; where it is so
 * long that q * b is not exact, or b is infinite, lane by lane. */
TK_INLINE V v_fmod(V a, V b)
{
#if TK_HAS_FMA
    V q = v_trunc(a / b), r = a - q * b;
    M wrong = (((M)r ^ (M)a) < 0) & (r != 0);
    r = v_copysign(v_select(wrong, r + v_copysign(b, a), r), a);
    M far = ~(v_abs(q) < (T)(1 / TK_EPSILON)) | (v_abs(b) == (T)INFINITY);
    if (__builtin_expect(v_any(far), 0))
        return v_far2(far, a, b, r, TK_LIBM(fmod));
    return r;
#else
    return v_each2(a, b, TK_LIBM(fmod));
#endif
}

/* The rest with the sign of the divisor; Python's %. */
TK_INLINE V v_remainder(V a, V b)
{
    V r = v_fmod(a, b);
    return v_select((r != 0) & (((M)r ^ (M)b) < 0), r + b, r);
}

/* Python's //: consistent with %, and infinite or NaN where a / b is. */
TK_INLINE V v_floor_divide(V a, V b)
{
    V r = v_fmod(a, b), q = (a - r) / b, whole;
    q = v_select((r != 0) & (((M)r ^ (M)b) < 0), q - 1, q);
    whole = v_floor(q);
    whole = v_select(q - whole > 0.5f, whole + 1, whole);
    whole = v_select(q == 0, v_copysign(v_set(0), a / b), whole);
    return v_select(b == 0, a / b, whole);
}

/* x^y, given r = |x|^y where |x| is neither 0 nor infinite */
TK_INLINE V v_pow_ends(V x, V y, V r)
{
    V a = v_abs(x);
    M zero = a == 0, infinite = a == (T)INFINITY, negative = (M)x < 0;
    V inverse = v_and_mask(zero, v_set((T)INFINITY));
    r = v_select(zero | infinite, v_select(y < 0, inverse, a), r);
    M whole = v_rint(y) == y, odd = whole & (v_rint(0.5f * y) != 0.5f * y);
    r = (V)((M)r ^ (odd & (M)x & TK_SIGN));
    r = v_select(negative & ~(whole | zero | infinite), v_set((T)NAN), r);
    r = v_select((x != x) | (y != y), x + y, r);
    return v_select((y == 0) | (x == 1), v_set(1), r);
}
