/* Elementary functions in single precision; included by math.h.
 *
 * The polynomials are minimax fits of their own (Remez exchange, coefficients then rounded to
 * single precision); each states its interval and its error relative to the function.
 */

/* Adding it rounds to an integer, which is then found in the low bits of the sum. */
#define TK_MAGIC 0x1.8p23f
#define TK_ONE_BITS 0x3f800000
#define TK_TWO_THIRDS 0x3f2aaaab /* the bits of */
#define TK_LN2_HI 0x1.62e4p-1f /* 15 bits: times an exponent it is exact */
#define TK_LN2_LO 0x1.7f7d1cp-20f
#define TK_LN2 0x1.62e43p-1f
#define TK_LOG2E 0x1.715476p0f
#define TK_HALF_PI 0x1.921fb6p0f
#define TK_HALF_PI_LO -0x1.777a5cp-25f

/* 2^n for -126 <= n <= 127, from t = n + TK_MAGIC */
TK_INLINE V v_pow2(V t)
{
    return (V)(((M)t << 23) + TK_ONE_BITS);
}

/* p * 2^n for any n of two digits and for |n| <= 252, rounding once, from t = n + TK_MAGIC */
TK_INLINE V v_scale(V p, V t)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    return TK_MM(scalef)(p, t - TK_MAGIC);
#else
    M half = (M)t >> 1;
    return p * v_pow2((V)half) * v_pow2((V)((M)t - half));
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

/* exp(r), |r| <= ln(2)/2: degree 6, error 2^-28.2 */
TK_INLINE V v_exp_poly(V r)
{
    V p = 0x1.6ab69p-10f * r + 0x1.123d5ap-7f;
    p = p * r + 0x1.55585ap-5f;
    p = p * r + 0x1.55548cp-3f;
    p = p * r + 0x1.fffffcp-2f;
    p = p * r + 1;
    return p * r + 1;
}

TK_INLINE V v_exp(V x)
{
    V t;
    V r = v_exp_reduce(v_at_most(v_at_least(x, -104), 89), &t);
    return v_scale(v_exp_poly(r), t);
}

/* 2^r, |r| <= 1/2: degree 6, error 2^-27.5 */
TK_INLINE V v_exp2(V x)
{
    x = v_at_most(v_at_least(x, -151), 129);
    V t = x + TK_MAGIC, r = x - (t - TK_MAGIC);
    V p = 0x1.4bd52p-13f * r + 0x1.5fbd02p-10f;
    p = p * r + 0x1.3b21ccp-7f;
    p = p * r + 0x1.c6ada8p-5f;
    p = p * r + 0x1.ebfbe6p-3f;
    p = p * r + 0x1.62e432p-1f;
    return v_scale(p * r + 1, t);
}

/* expm1(r) = r + r^2 P(r), |r| <= ln(2)/2: degree 7, error 2^-28.2 */
TK_INLINE V v_expm1(V x)
{
    V t;
    V r = v_exp_reduce(v_at_most(v_at_least(x, -20), 89), &t);
    V p = 0x1.3b8cd6p-13f * r + 0x1.6d2e54p-10f;
    p = p * r + 0x1.1155aap-7f;
    p = p * r + 0x1.555502p-5f;
    p = p * r + 0x1.55552cp-3f;
    p = p * r + 0.5f;
    p = p * (r * r) + r;
    /* 2^n (p + 1) - 1, in halves, because 2^128 is not a number */
    V half = v_pow2(t - 1);
    V y = p * half + (half - 0.5f);
    return v_less(v_abs(x), v_set(0x1p-25f), x, y + y);
}

/* x = 2^e (1 + f) with 2/3 <= 1 + f < 4/3, for positive x; returns f */
TK_INLINE V v_log_split(V x, V *e)
{
    M small = x < 0x1p-126f;
    x = v_select(small, x * 0x1p23f, x);
    M k = (M)x - TK_TWO_THIRDS;
    *e = __builtin_convertvector(k >> 23, V) - v_and_mask(small, v_set(23));
    return (V)((k & 0x7fffff) + TK_TWO_THIRDS) - 1;
}

/* log(1 + f) - f, |f| <= 1/3: degree 10, error 2^-27.5 of the logarithm */
TK_INLINE V v_log_tail(V f)
{
    V p = -0x1.0807aep-3f * f + 0x1.1e6a58p-3f;
    p = p * f - 0x1.f31076p-4f;
    p = p * f + 0x1.1ed66cp-3f;
    p = p * f - 0x1.559ddp-3f;
    p = p * f + 0x1.99d032p-3f;
    p = p * f - 0x1.fffefp-3f;
    p = p * f + 0x1.555506p-2f;
    V f2 = f * f;
    p = p * f * f2;
    return p - 0.5f * f2;
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
    y = v_less(x, v_set(INFINITY), y, x);
    y = v_select(x == 0, v_set(-INFINITY), y);
    return v_less(x, v_set(0), v_set(NAN), y);
}

TK_INLINE V v_log(V x)
{
    V e, f = v_log_split(x, &e);
    return v_log_ends(x, v_log_sum(f, v_log_tail(f), e));
}

/* log(2^e (1 + f)) / log(base), given 1 / log(base) = hi + lo and e log(2) / log(base) = whole + part,
 * of which hi has 12 bits and whole no more than 18 */
TK_INLINE V v_log_base(V f, T hi, T lo, V whole, V part)
{
    V short_f = (V)((M)f & ~0xfff); /* 12 bits: times hi it is exact */
    V y = v_log_tail(f) * (hi + lo) + (f * lo + part);
    y = y + (f - short_f) * hi;
    V sum = short_f * hi + whole;
    y = y + (short_f * hi + (whole - sum)); /* what the sum lost */
    return sum + y;
}

TK_INLINE V v_log2(V x)
{
    V e, f = v_log_split(x, &e);
    return v_log_ends(x, v_log_base(f, 0x1.716p0f, -0x1.7135a8p-13f, e, v_set(0)));
}

TK_INLINE V v_log10(V x)
{
    V e, f = v_log_split(x, &e);
    V part = e * 0x1.3509f8p-18f; /* log10(2) in two parts, the first of 10 bits */
    return v_log_ends(x, v_log_base(f, 0x1.bccp-2f, -0x1.09d5b2p-15f, e * 0x1.344p-2f, part));
}

/* log(1 + x), x > -1. The exponent k is that of 1 + x rounded; x is scaled before 1 is added, so
 * that f = x 2^-k - (1 - 2^-k) rounds for k = 1 alone. */
TK_INLINE V v_log1p_inner(V x)
{
    M k = ((M)(1 + x) - TK_TWO_THIRDS) >> 23;
    V scaled = (V)((M)x - (k << 23));
    V missing = 1 - (V)((TK_ONE_BITS - (k << 23)) & (k < 128));
    V f = scaled - missing;
    V tail = v_log_tail(f) + (scaled - (f + missing)); /* what f lost */
    return v_copysign(v_log_sum(f, tail, __builtin_convertvector(k, V)), x);
}

TK_INLINE V v_log1p(V x)
{
    V y = v_less(x, v_set(INFINITY), v_log1p_inner(x), x);
    y = v_select(x == -1, v_set(-INFINITY), y);
    return v_less(x, v_set(-1), v_set(NAN), y);
}

/* 1 / (1 + exp(-x)), from exp(-|x|), which cannot overflow */
TK_INLINE V v_sigmoid(V x)
{
    V t, r = v_exp_reduce(v_at_least(-v_abs(x), -104), &t);
    V e = v_scale(v_exp_poly(r), t);
    return v_less(x, v_set(0), e, v_set(1)) / (1 + e);
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) */
TK_INLINE V v_softplus(V x)
{
    V t, r = v_exp_reduce(v_at_least(-v_abs(x), -104), &t);
    V y = v_scale(v_exp_poly(r), t);
    V third = v_set(1.0f / 3);
    V f = v_less(y, third, y, y * 0.5f - 0.5f);
    V e = v_less(y, third, v_set(0), v_set(1));
    return v_log_sum(f, v_log_tail(f), e) + v_at_least(x, 0);
}

/* Up to 0.9 x + x^3 P(x^2), error 2^-25.9; beyond 1 - 2 / (exp(2x) + 1). */
TK_INLINE V v_tanh(V x)
{
    V a = v_abs(x), u = x * x;
    V p = 0x1.55d336p-10f * u - 0x1.c194aap-8f;
    p = p * u + 0x1.567e44p-6f;
    p = p * u - 0x1.b81622p-5f;
    p = p * u + 0x1.11017ap-3f;
    p = p * u - 0x1.555504p-2f;
    p = p * u * x + x;

    V b = v_at_most(a, 9.02f); /* from where on tanh rounds to 1 */
    V t, r = v_exp_reduce(b + b, &t);
    V q = 1 - 2 / (v_exp_poly(r) * v_pow2(t) + 1);
    return v_less(a, v_set(0.9f), p, v_copysign(q, x));
}

/* erf(x), |x| <= 0.85: x + x P(x^2), error 2^-27.1 */
TK_INLINE V v_erf_small(V x)
{
    V u = x * x;
    V p = -0x1.4cd86p-11f * u + 0x1.4b763p-8f;
    p = p * u - 0x1.b735eap-6f;
    p = p * u + 0x1.ce256ap-4f;
    p = p * u - 0x1.812726p-2f;
    p = p * u + 0x1.06eba8p-3f;
    return p * x + x;
}

/* Beyond 0.85: 1 - exp(-a P(a)), 0.85 <= a <= 4, error 2^-28.2 */
TK_INLINE V v_erf(V x)
{
    V a = v_at_most(v_abs(x), 4); /* erf(3.92) rounds to 1 */
    V p = -0x1.c38b1ep-13f * a + 0x1.a6d52cp-9f;
    p = p * a - 0x1.779c3p-6f;
    p = p * a + 0x1.af614ep-4f;
    p = p * a + 0x1.457752p-1f;
    p = p * a + 0x1.20e724p0f;
    V t, r = v_exp_reduce(-(p * a), &t);
    V q = 1 - v_exp_poly(r) * v_pow2(t);
    return v_less(a, v_set(0.85f), v_erf_small(x), v_copysign(q, x));
}

/* pi/2 in parts, such that n times each but the last is exact (or is inside an FMA), and the largest
 * argument for which that is enough. */
#if TK_HAS_FMA
#define TK_TURN_LIMIT 1e5f
#else
#define TK_TURN_LIMIT 12000.0f
#endif

/* |x| = n pi/2 + r + tail with |r| <= pi/4, for |x| <= TK_TURN_LIMIT; returns r. With FMA the tail
 * matters only where r is tiny; without, it is also what the last step of r has lost. */
TK_INLINE V v_turn(V x, V *tail, M *n)
{
    V a = v_abs(x), t = a * 0x1.45f306p-1f + TK_MAGIC;
    *n = (M)t;
    t = t - TK_MAGIC;
#if TK_HAS_FMA
    a = a - t * 0x1.921fb6p0f;
    *tail = t * 0x1.ee59dap-50f;
    return a - t * -0x1.777a5cp-25f;
#else
    a = a - t * 0x1.92p0f;
    a = a - t * 0x1.fb4p-12f;
    V r = a - t * 0x1.444p-24f;
    *tail = ((a - r) - t * 0x1.444p-24f) - t * 0x1.68c234p-39f;
    return r;
#endif
}

/* sin(r + tail) = r + r^3 P(r^2) + tail, |r| <= pi/4, error 2^-32.5 */
TK_INLINE V v_sin_poly(V r, V r2, V tail)
{
    V p = 0x1.7c2c5p-19f * r2 - 0x1.a05954p-13f;
    p = p * r2 + 0x1.111174p-7f;
    p = p * r2 - 0x1.555556p-3f;
    return (p * (r2 * r) + tail) + r;
}

/* cos(r + tail) = 1 - r^2/2 + r^4 P(r^2) - r tail, |r| <= pi/4, error 2^-33 */
TK_INLINE V v_cos_poly(V r, V r2, V tail)
{
    V p = 0x1.99e80cp-16f * r2 - 0x1.6c0c28p-10f;
    p = p * r2 + 0x1.55554ap-5f;
    p = p * r2 - 0.5f;
    return (p * r2 - r * tail) + 1;
}

TK_INLINE V v_sin(V x)
{
    M n;
    V tail, r = v_turn(x, &tail, &n), r2 = r * r;
    V y = v_select((n & 1) == 0, v_sin_poly(r, r2, tail), v_cos_poly(r, r2, tail));
    y = (V)((M)y ^ ((M)x & TK_SIGN) ^ ((n & 2) << 30));
    if (__builtin_expect(v_any(v_abs(x) > TK_TURN_LIMIT), 0))
        return v_far(x, y, TK_TURN_LIMIT, sinf);
    return y;
}

TK_INLINE V v_cos(V x)
{
    M n;
    V tail, r = v_turn(x, &tail, &n), r2 = r * r;
    V y = v_select((n & 1) == 0, v_cos_poly(r, r2, tail), v_sin_poly(r, r2, tail));
    y = (V)((M)y ^ (((n + 1) & 2) << 30));
    if (__builtin_expect(v_any(v_abs(x) > TK_TURN_LIMIT), 0))
        return v_far(x, y, TK_TURN_LIMIT, cosf);
    return y;
}

/* Within pi/4 r + r^3 P(r^2), error 2^-29.5; past an odd multiple of pi/2 it is -1 / tan(r). */
TK_INLINE V v_tan(V x)
{
    M n;
    V tail, r = v_turn(x, &tail, &n), r2 = r * r;
    V p = 0x1.1f1266p-8f * r2 + 0x1.5fbb1ep-14f;
    p = p * r2 + 0x1.632140p-7f;
    p = p * r2 + 0x1.5cb268p-6f;
    p = p * r2 + 0x1.badaep-5f;
    p = p * r2 + 0x1.110d9ap-3f;
    p = p * r2 + 0x1.55556p-2f;
    p = (p * (r2 * r) + tail) + r;
    M even = (n & 1) == 0;
    V y = v_select(even, p, v_set(-1)) / v_select(even, v_set(1), p);
    y = (V)((M)y ^ ((M)x & TK_SIGN));
    if (__builtin_expect(v_any(v_abs(x) > TK_TURN_LIMIT), 0))
        return v_far(x, y, TK_TURN_LIMIT, tanf);
    return y;
}

/* atan(q), 0 <= q <= 1: q + q^3 P(q^2), error 2^-25.8 */
TK_INLINE V v_atan_unit(V q)
{
    V u = q * q;
    V p = 0x1.7eb716p-9f * u - 0x1.0c1e04p-6f;
    p = p * u + 0x1.61f228p-5f;
    p = p * u - 0x1.3551bep-4f;
    p = p * u + 0x1.b4dee4p-4f;
    p = p * u - 0x1.230a96p-3f;
    p = p * u + 0x1.9978ecp-3f;
    p = p * u - 0x1.5554dcp-2f;
    return p * (u * q) + q;
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

/* asin(s) - s, from z = s^2 <= 1/4: s^3 P(z), error 2^-27.6 of asin(s) */
TK_INLINE V v_asin_tail(V s, V z)
{
    V p = 0x1.595c92p-5f * z + 0x1.8c3e28p-6f;
    p = p * z + 0x1.747bbap-5f;
    p = p * z + 0x1.330204p-4f;
    p = p * z + 0x1.5555c8p-3f;
    return p * (s * z);
}

/* Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)). */
TK_INLINE V v_asin(V x)
{
    V a = v_abs(x), half = v_set(0.5f);
    V z = v_less(half, a, 0.5f - 0.5f * a, a * a);
    V s = v_less(half, a, v_sqrt(z), a);
    V y = s + v_asin_tail(s, z);
    return v_copysign(v_less(half, a, TK_HALF_PI - (y + y - TK_HALF_PI_LO), y), x);
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

/* exp(a) / 2, which is finite for somewhat larger a than exp(a) */
TK_INLINE V v_exp_half(V a)
{
    V t, r = v_exp_reduce(v_at_most(a, 90), &t);
    return v_scale(v_exp_poly(r), t - 1);
}

/* Up to 1 x + x^3 P(x^2), error 2^-31.6. */
TK_INLINE V v_sinh(V x)
{
    V a = v_abs(x), u = x * x;
    V p = 0x1.756c1ep-19f * u + 0x1.a022bcp-13f;
    p = p * u + 0x1.1110ep-7f;
    p = p * u + 0x1.555556p-3f;
    p = p * (u * x) + x;
    V h = v_exp_half(a);
    return v_less(a, v_set(1), p, v_copysign(h - 0.25f / h, x));
}

TK_INLINE V v_cosh(V x)
{
    V h = v_exp_half(v_abs(x));
    return h + 0.25f / h;
}

/* log(a + sqrt(1 + a^2)) for a = |x|; of a large one log(2a) */
TK_INLINE V v_asinh(V x)
{
    V a = v_abs(x), large = v_set(0x1p30f); /* where 1 vanishes and a^2 is still a number */
    V y = v_less(a, large, a + a * a / (1 + v_sqrt(1 + a * a)), a);
    y = v_log1p_inner(y) + v_less(a, large, v_set(0), v_set(TK_LN2));
    return v_copysign(v_less(a, v_set(INFINITY), y, a), x);
}

/* log(x + sqrt(x^2 - 1)), in d = x - 1 */
TK_INLINE V v_acosh(V x)
{
    V d = x - 1, large = v_set(0x1p30f);
    V y = v_less(x, large, d + v_sqrt(d * (d + 2)), x);
    y = v_log1p_inner(y) + v_less(x, large, v_set(0), v_set(TK_LN2));
    y = v_less(x, v_set(INFINITY), y, x);
    return v_less(x, v_set(1), v_set(NAN), y);
}

/* log((1 + a) / (1 - a)) / 2 for a = |x| */
TK_INLINE V v_atanh(V x)
{
    V a = v_abs(x);
    return v_copysign(0.5f * v_log1p((a + a) / (1 - a)), x);
}

/* Half of the lanes in double precision, for what single precision cannot do with a few operations. */
typedef double TK_Wide __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef int64_t TK_WideMask __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef uint64_t TK_WideBits __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef float TK_Half __attribute__((vector_size(TK_VECTOR_BYTES / 2)));

/* 2^x, |x| <= 200: degree 6 in the fraction, error 2^-29 */
TK_INLINE TK_Wide v_exp2_wide(TK_Wide x)
{
    TK_Wide t = x + 0x1.8p52, r = x - (t - 0x1.8p52);
    TK_Wide p = 0x1.41d2f1fd91c57p-13 * r + 0x1.5f464e9abf4dbp-10;
    p = p * r + 0x1.3b2dbe4b9fed8p-7;
    p = p * r + 0x1.c6aed2f64edb3p-5;
    p = p * r + 0x1.ebfbdad5a398fp-3;
    p = p * r + 0x1.62e430c935706p-1;
    p = p * r + 0x1.0000000265de7p0;
    return p * (TK_Wide)(((TK_WideBits)t << 52) + (UINT64_C(1023) << 52));
}

/* erfc(a) = exp(-a^2) Q(t) / (a + 3), t = (a - 3) / (a + 3), for 0 <= a <= 10.6: Q of degree 9, error
 * 2^-28.5 */
TK_INLINE TK_Half v_erfc_half(TK_Half half)
{
    TK_Wide a = __builtin_convertvector(half, TK_Wide);
    TK_Wide inverse = 1 / (a + 3), t = (a - 3) * inverse;
    TK_Wide p = -0x1.5294c5a637ceap-12 * t - 0x1.f5c51e0b5388p-12;
    p = p * t + 0x1.93dcdec087f9cp-9;
    p = p * t - 0x1.42276f7296a39p-10;
    p = p * t - 0x1.b7c236e6d5abdp-6;
    p = p * t + 0x1.e997c48c4142ep-4;
    p = p * t - 0x1.3deac308f757dp-2;
    p = p * t + 0x1.2e3266672945fp-1;
    p = p * t - 0x1.c44c48676bbfep-1;
    p = p * t + 0x1.12f21de1d3d1p+0;
    p = p * inverse * v_exp2_wide(a * a * -0x1.71547652b82fep0);
    return __builtin_convertvector(p, TK_Half);
}

TK_INLINE V v_erfc(V x)
{
    V a = v_at_most(v_abs(x), 10.5f); /* erfc(10.06) rounds to 0 */
    TK_Half half[2];
    memcpy(half, &a, sizeof a);
    half[0] = v_erfc_half(half[0]);
    half[1] = v_erfc_half(half[1]);
    V y;
    memcpy(&y, half, sizeof y);
    return v_less(x, v_set(0), 2 - y, y);
}

/* a^y for 0 < a < inf and finite y */
TK_INLINE TK_Half v_pow_half(TK_Half half_a, TK_Half half_y)
{
    TK_Wide a = __builtin_convertvector(half_a, TK_Wide);
    TK_Wide y = __builtin_convertvector(half_y, TK_Wide);

    /* a = 2^e m with 2/3 <= m < 4/3; e + 1024 is set in the low bits of 2^52 */
    const uint64_t mantissa = UINT64_C(0xfffffffffffff), two_thirds = UINT64_C(0x3fe5555555555555);
    TK_WideBits k = (TK_WideBits)a - two_thirds + (UINT64_C(1024) << 52);
    TK_Wide e = (TK_Wide)((k >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1024);
    TK_Wide m = (TK_Wide)((k & mantissa) + two_thirds);

    /* log2(m) = s P(s^2), s = (m - 1) / (m + 1), |s| <= 1/5, error 2^-42.4 */
    TK_Wide s = (m - 1) / (m + 1), z = s * s;
    TK_Wide p = 0x1.29dae887bc115p-2 * z + 0x1.46f1a5cba60f1p-2;
    p = p * z + 0x1.a61ea63944cafp-2;
    p = p * z + 0x1.2776bc424a6f2p-1;
    p = p * z + 0x1.ec709dcb680e4p-1;
    p = p * z + 0x1.71547652b7e8ap+1;
    TK_Wide power = y * (p * s + e);

    /* beyond +-200 the result is 0 or infinite in single precision */
    TK_WideMask far = (power > 200) | (power < -200);
    TK_Wide bound = (TK_Wide)(((TK_WideMask)power & INT64_MIN) | (TK_WideMask)(0 * a + 200));
    power = (TK_Wide)((far & (TK_WideMask)bound) | (~far & (TK_WideMask)power));
    return __builtin_convertvector(v_exp2_wide(power), TK_Half);
}

TK_INLINE V v_pow(V x, V y)
{
    V a = v_abs(x);
    V bounded = v_at_most(v_at_least(y, -0x1p40f), 0x1p40f); /* makes any a but 1 over- or underflow */
    TK_Half base[2], power[2];
    memcpy(base, &a, sizeof a);
    memcpy(power, &bounded, sizeof a);
    base[0] = v_pow_half(base[0], power[0]);
    base[1] = v_pow_half(base[1], power[1]);
    V r;
    memcpy(&r, base, sizeof r);

    M zero = a == 0, infinite = a == INFINITY, negative = (M)x < 0;
    V inverse = v_and_mask(zero, v_set(INFINITY));
    r = v_select(zero | infinite, v_select(y < 0, inverse, a), r);
    M whole = v_rint(y) == y, odd = whole & (v_rint(0.5f * y) != 0.5f * y);
    r = (V)((M)r ^ (odd & (M)x & TK_SIGN));
    r = v_select(negative & ~(whole | zero | infinite), v_set(NAN), r);
    r = v_select((x != x) | (y != y), x + y, r);
    return v_select((y == 0) | (x == 1), v_set(1), r);
}

#undef TK_MAGIC
#undef TK_ONE_BITS
#undef TK_TWO_THIRDS
#undef TK_LN2_HI
#undef TK_LN2_LO
#undef TK_LN2
#undef TK_LOG2E
#undef TK_HALF_PI
#undef TK_HALF_PI_LO
#undef TK_TURN_LIMIT
