/* Elementary functions in single precision; included by math.h.
 *
 * The polynomials are minimax fits of their own (Remez exchange, coefficients then rounded one by
 * one); each states its interval and its error relative to the function.
 */
typedef uint32_t TK_Bits __attribute__((vector_size(TK_VECTOR_BYTES)));

#define TK_LIBM(name) name##f
#define TK_MANTISSA 23
#define TK_EPSILON 0x1p-23f
#define TK_SMALLEST_NORMAL 0x1p-126f
#define TK_MAGIC 0x1.8p23f /* adding it rounds to an integer, found in the low bits of the sum */
#define TK_ONE_BITS 0x3f800000
#define TK_CENTER 0x1.555556p-1f /* logarithms are of 2/3 to 4/3 */
#define TK_CENTER_BITS 0x3f2aaaab
#define TK_REST_BITS 0xfff /* the lower half of the digits */

#define TK_LN2 0x1.62e43p-1f
#define TK_LN2_HI 0x1.62e4p-1f /* 15 bits: times an exponent it is exact */
#define TK_LN2_LO 0x1.7f7d1cp-20f
#define TK_LN2_EIGHTH_HI 0x1.62ep-4f /* 12 bits: times 8 exponents it is exact */
#define TK_LN2_EIGHTH_LO 0x1.0bfbe8p-18f
#define TK_LOG2E 0x1.715476p0f
#define TK_LOG2E_HI 0x1.716p0f /* 12 bits */
#define TK_LOG2E_LO -0x1.7135a8p-13f
#define TK_LOG10E_HI 0x1.bccp-2f /* 12 bits */
#define TK_LOG10E_LO -0x1.09d5b2p-15f
#define TK_LOG10_2_HI 0x1.344p-2f /* 10 bits */
#define TK_LOG10_2_LO 0x1.3509f8p-18f

#define TK_EIGHTH_UNIT 0x1p-64f /* see v_logistic */

#define TK_TWO_OVER_PI 0x1.45f306p-1f
#define TK_HALF_PI 0x1.921fb6p0f
#define TK_HALF_PI_LO -0x1.777a5cp-25f
#if TK_HAS_FMA
#define TK_HALF_PI_BEYOND -0x1.ee59dap-50f
#define TK_TURN_LIMIT 1e5f
#else
#define TK_HALF_PI_1 0x1.92p0f /* three parts of 11 bits, for n < 2^13 */
#define TK_HALF_PI_2 0x1.fb4p-12f
#define TK_HALF_PI_3 0x1.444p-24f
#define TK_HALF_PI_4 0x1.68c234p-39f
#define TK_TURN_LIMIT 12000.0f
#endif

/* where results are 0 or infinite, -1 or 1 */
#define TK_EXP_LEAST -104.0f
#define TK_GATE_LEAST -119.0f /* x exp(x) is 0 */
#define TK_EXP_MOST 89.0f
#define TK_EXP2_LEAST -151.0f
#define TK_EXP2_MOST 129.0f
#define TK_TANH_MOST 9.02f
#define TK_ERF_MOST 4.0f

#define TK_TANH_SPLIT 0.7f
#define TK_ERF_SPLIT 0.85f

/* whether any number is not from least to below most, given as bits of positive numbers */
TK_INLINE int v_any_outside(V x, I least, I most)
{
    const uint32_t shift = 0x80000000u - (uint32_t)least; /* least becomes the least integer */
    return v_any_more((M)((TK_Bits)x + shift), (I)((uint32_t)most + shift) - 1);
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

/* TK_EIGHTH_UNIT 2^(n/8) / c for a normal result, from t = n + TK_MAGIC. The table holds the bits
 * of the unit times 2^(j/8) / c, less what the shift adds for j. c = 0.9194 is such that all eight
 * are nearly exact: within 2^-27.4. */
TK_INLINE V v_eighths(V t)
{
    static const I table[8] = {0x1f8b3a3e, 0x1f87d424, 0x1f859202, 0x1f848e45,
                               0x1f84e5be, 0x1f86b7da, 0x1f8a26de, 0x1f8f5829};
    return (V)((M)v_pick((const T *)table, t) + ((M)t << 20));
}

/* TK_EIGHTH_UNIT 2^(n/8) exp(-r), t = n + TK_MAGIC: c exp(-r) of degree 3, |r| <= ln(2)/16, error
 * 2^-25.2 of itself; below 1, where its rounding is half as large. Without FMA there is more
 * rounding, and so a degree more. */
TK_INLINE V v_eighths_exp(V r, V t)
{
#if TK_HAS_FMA
    V p = -0x1.39cfb4p-3f * r + 0x1.d6c5bcp-2f;
#else
    V p = (0x1.39cec6p-5f * r - 0x1.39cec6p-3f) * r + 0x1.d6b62ap-2f;
#endif
    p = p * r - 0x1.d6b62ap-1f;
    p = p * r + 0x1.d6b62ap-1f;
    return p * v_eighths(t);
}

/* TK_EIGHTH_UNIT (1 + 2^(n/8) exp(-r)) */
TK_INLINE V v_one_plus(V r, V t)
{
    return v_eighths_exp(r, t) + TK_EIGHTH_UNIT;
}

/* log(1 + exp(-a)) / TK_EIGHTH_UNIT, a >= 0, which is normal. With y = exp(-a) it is y + y^2 P(y),
 * degree 9, error 2^-27.5; in pairs, for in a chain each step would wait for the one before. */
TK_INLINE V v_log1p_exp(V a)
{
    const T magic = TK_MAGIC + 8 * 128; /* turns the unit of v_eighths upside down */
    a = v_at_most(a, -TK_EXP_LEAST);
    V t = a * (-8 * TK_LOG2E) + magic, n = t - magic;
    V r = a + n * TK_LN2_EIGHTH_HI;
    r = r + n * TK_LN2_EIGHTH_LO;
    V power = v_eighths_exp(r, t), y = power * TK_EIGHTH_UNIT, square = y * y;
    V p = (0x1.49211cp-6f * y - 0x1.d6b75ep-5f) + square * -0x1.af5e2p-9f;
    V q = (-0x1.ff23e8p-3f + 0x1.934b6ep-3f * y) + square * (0x1.b4b094p-4f * y - 0x1.3a43ep-3f);
    V s = 0x1.554ddp-2f * y - 0x1.ffffd2p-2f;
    p = s + square * (q + square * square * p);
    return power * y * p + power;
}

/* 2^r, |r| <= 1/2: degree 6, error 2^-27.5 */
TK_INLINE V v_exp2_poly(V r)
{
    V p = 0x1.4bd52p-13f * r + 0x1.5fbd02p-10f;
    p = p * r + 0x1.3b21ccp-7f;
    p = p * r + 0x1.c6ada8p-5f;
    p = p * r + 0x1.ebfbe6p-3f;
    p = p * r + 0x1.62e432p-1f;
    return p * r + 1;
}

/* expm1(r) = r + r^2 P(r), |r| <= ln(2)/2: degree 7, error 2^-28.2 */
TK_INLINE V v_expm1_poly(V r)
{
    V p = 0x1.3b8cd6p-13f * r + 0x1.6d2e54p-10f;
    p = p * r + 0x1.1155aap-7f;
    p = p * r + 0x1.555502p-5f;
    p = p * r + 0x1.55552cp-3f;
    p = p * r + 0.5f;
    return p * (r * r) + r;
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

/* x + x^3 P(x^2), |x| <= 0.7, error 2^-25.9 */
TK_INLINE V v_tanh_small(V x)
{
    V u = x * x;
    V p = -0x1.50e31cp-8f * u + 0x1.4939d6p-6f;
    p = p * u - 0x1.b6c364p-5f;
    p = p * u + 0x1.10fb0ap-3f;
    p = p * u - 0x1.5554f6p-2f;
    return p * u * x + x;
}

/* 2 / (1 + exp(2a)), 0.7 <= a <= TK_TANH_MOST: c 2^(r/8) of degree 3, |r| <= 1/2, error 2^-25.1 of
 * itself, times a number of v_eighths. a is taken apart in one step, which needs FMA. */
TK_INLINE V v_tanh_missing(V a)
{
    V t = a * (16 * TK_LOG2E) + TK_MAGIC, r = a * (16 * TK_LOG2E) - (t - TK_MAGIC);
    V p = 0x1.a211e2p-14f * r + 0x1.c45de2p-9f;
    p = p * r + 0x1.4645bcp-4f;
    p = p * r + 0x1.d6b62ap-1f;
    return 2 * TK_EIGHTH_UNIT / (p * v_eighths(t) + TK_EIGHTH_UNIT);
}

/* x + x^3 P(x^2), |x| <= 1, error 2^-31.6 */
TK_INLINE V v_sinh_small(V x)
{
    V u = x * x;
    V p = 0x1.756c1ep-19f * u + 0x1.a022bcp-13f;
    p = p * u + 0x1.1110ep-7f;
    p = p * u + 0x1.555556p-3f;
    return p * (u * x) + x;
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

/* erfc(a) = 2^power factor, power = -a P(a), factor = 1, 0.85 <= a <= 4; absolute error 2^-28.2 */
TK_INLINE V v_erfc_parts(V a, V *power)
{
    V p = -0x1.45c65ep-12f * a + 0x1.3108fep-8f;
    p = p * a - 0x1.0ef478p-5f;
    p = p * a + 0x1.372daep-3f;
    p = p * a + 0x1.d58c36p-1f;
    p = p * a + 0x1.a0cc82p0f;
    *power = -(p * a);
    return v_set(1);
}

/* sin(r + tail) = r + r^3 P(r^2) + tail, |r| <= pi/4, error 2^-32.5 */
TK_INLINE V v_sin_poly(V r, V tail)
{
    V u = r * r;
    V p = 0x1.7c2c5p-19f * u - 0x1.a05954p-13f;
    p = p * u + 0x1.111174p-7f;
    p = p * u - 0x1.555556p-3f;
    return (p * (u * r) + tail) + r;
}

/* cos(r + tail) = 1 - r^2/2 + r^4 P(r^2) - r tail, |r| <= pi/4, error 2^-33 */
TK_INLINE V v_cos_poly(V r, V tail)
{
    V u = r * r;
    V p = 0x1.99e80cp-16f * u - 0x1.6c0c28p-10f;
    p = p * u + 0x1.55554ap-5f;
    p = p * u - 0.5f;
    return (p * u - r * tail) + 1;
}

/* tan(r + tail) = r + r^3 P(r^2) + tail, |r| <= pi/4, error 2^-29.5 */
TK_INLINE V v_tan_poly(V r, V tail)
{
    V u = r * r;
    V p = 0x1.1f1266p-8f * u + 0x1.5fbb1ep-14f;
    p = p * u + 0x1.63214p-7f;
    p = p * u + 0x1.5cb268p-6f;
    p = p * u + 0x1.badaep-5f;
    p = p * u + 0x1.110d9ap-3f;
    p = p * u + 0x1.55556p-2f;
    return (p * (u * r) + tail) + r;
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

/* asin(s) - s, from z = s^2 <= 1/4: s^3 P(z), error 2^-27.6 of asin(s) */
TK_INLINE V v_asin_tail(V s, V z)
{
    V p = 0x1.595c92p-5f * z + 0x1.8c3e28p-6f;
    p = p * z + 0x1.747bbap-5f;
    p = p * z + 0x1.330204p-4f;
    p = p * z + 0x1.5555c8p-3f;
    return p * (s * z);
}

#include "math_common.h"

/* Half of the lanes in double precision, for what takes more than single precision inside. */
typedef double TK_Wide __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef int64_t TK_WideMask __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef uint64_t TK_WideBits __attribute__((vector_size(TK_VECTOR_BYTES)));

/* The lanes of the lower half (0) or the upper one (1). GCC makes three instructions of a
 * conversion between vectors of two sizes, and of halves joined in memory a load that waits for
 * both stores. */
TK_INLINE TK_Wide v_widen(V x, const int upper)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    return _mm512_cvtps_pd(upper ? _mm512_extractf32x8_ps(x, 1) : _mm512_castps512_ps256(x));
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    return _mm256_cvtps_pd(upper ? _mm256_extractf128_ps(x, 1) : _mm256_castps256_ps128(x));
#else
    TK_Wide wide;
    for (int i = 0; i < W / 2; i++)
        wide[i] = x[i + upper * W / 2];
    return wide;
#endif
}

/* both halves, rounded */
TK_INLINE V v_narrow(TK_Wide lower, TK_Wide upper)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(lower)),
                              _mm512_cvtpd_ps(upper), 1);
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    return _mm256_set_m128(_mm256_cvtpd_ps(upper), _mm256_cvtpd_ps(lower));
#else
    V x;
    for (int i = 0; i < W / 2; i++) {
        x[i] = (float)lower[i];
        x[i + W / 2] = (float)upper[i];
    }
    return x;
#endif
}

/* a = 2^e m with 2/3 <= m < 4/3, for positive a; e + 1024 is set in the low bits of 2^52 */
TK_INLINE TK_Wide v_split_wide(TK_Wide a, TK_Wide *e)
{
    const uint64_t mantissa = UINT64_C(0xfffffffffffff), two_thirds = UINT64_C(0x3fe5555555555555);
    TK_WideBits k = (TK_WideBits)a - two_thirds + (UINT64_C(1024) << 52);
    *e = (TK_Wide)((k >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1024);
    return (TK_Wide)((k & mantissa) + two_thirds);
}

/* 2^x, |x| <= 200: degree 6 in the fraction, error 2^-29 */
TK_INLINE TK_Wide v_exp2_wide(TK_Wide x)
{
    TK_Wide t = x + 0x1.8p52, r = x - (t - 0x1.8p52), s = r * r;
    TK_Wide p = s * 0x1.41d2f1fd91c57p-13 + (0x1.5f464e9abf4dbp-10 * r + 0x1.3b2dbe4b9fed8p-7);
    p = p * s + (0x1.c6aed2f64edb3p-5 * r + 0x1.ebfbdad5a398fp-3);
    p = p * s + (0x1.62e430c935706p-1 * r + 0x1.0000000265de7p0);
    return p * (TK_Wide)(((TK_WideBits)t << 52) + (UINT64_C(1023) << 52));
}

/* erfc(a) = exp(-a^2) Q(t) / (a + 3), t = (a - 3) / (a + 3), for 0 <= a <= 10.6: Q of degree 9,
 * error 2^-28.5 */
TK_INLINE TK_Wide v_erfc_wide(TK_Wide a)
{
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
    return p * inverse * v_exp2_wide(a * a * -0x1.71547652b82fep0);
}

TK_INLINE V v_erfc(V x)
{
    V a = v_at_most(v_abs(x), 10.5f); /* erfc(10.06) rounds to 0 */
    V y = v_narrow(v_erfc_wide(v_widen(a, 0)), v_erfc_wide(v_widen(a, 1)));
    return v_less(x, v_set(0), 2 - y, y);
}

#if TK_HAS_FMA
#include "pow_float.h"
#else
#define TK_LEAST_M 0x3f280000 /* 21/32: eighths of what follows have 1 in the middle of one */

/* 2^(y (whole + log2(m c))), c = 2^-h; in double precision for the product with y, in which an
 * error of the logarithm is up to 150 times as large. log2(1 + r) = r P(r), |r| <= 1/16, error
 * 2^-37.6 */
TK_INLINE TK_Wide v_pow_wide(TK_Wide m, TK_Wide whole, TK_Wide y)
{
    static const double powers[8] = {0x1.747aa5953c849p0, 0x1.55556d92600f1p0,
                                     0x1.3b215ba294f39p0, 0x1.2484abda600efp0,
                                     0x1.1100ca19ad92fp0, 1,
                                     0x1.c71cb269e601fp-1, 0x1.9981121235681p-1};
    const uint64_t least = UINT64_C(0x3fe5000000000000);
    TK_Wide eighth = (TK_Wide)(((TK_WideBits)m - least) >> 49);
    TK_Wide r = m * v_pick_f64(powers, eighth) - 1, s = r * r;
    TK_Wide p = s * 0x1.9f6a9deb89dcap-3 + (0x1.277b0e684499ep-2 - 0x1.ee9939b07ffa4p-3 * r);
    p = p * s + (0x1.ec709c92c6b12p-2 - 0x1.7153fee4fceeep-2 * r);
    p = p * s + (0x1.71547652bb0a7p0 - 0x1.715476593db68p-1 * r);
    /* beyond +-200 the result is 0 or infinite in single precision */
    return v_exp2_wide(v_at_most_f64(v_at_least_f64(y * (whole + r * p), -200), 200));
}

/* a^y 2^(-y scaled) for normal a and finite y */
TK_INLINE V v_pow_normal(V a, V scaled, V y)
{
    static const float h[8] = {-0x1.15p-1f, -0x1.a9p-2f, -0x1.33p-2f, -0x1.8ap-3f,
                               -0x1.7cp-4f, 0, 0x1.5cp-3f, 0x1.4ap-2f};
    M k = (M)a - TK_LEAST_M;
    V m = (V)((M)a - (k & ~0x7fffff)), whole = __builtin_convertvector(k >> 23, V) - scaled;
    whole = whole + v_pick(h, (V)(k >> 20));
    return v_narrow(v_pow_wide(v_widen(m, 0), v_widen(whole, 0), v_widen(y, 0)),
                    v_pow_wide(v_widen(m, 1), v_widen(whole, 1), v_widen(y, 1)));
}
#undef TK_LEAST_M
#endif

/* whether a is anywhere not a normal positive number, or y large */
TK_INLINE int v_pow_is_rare(V a, V y)
{
    return v_any_outside(a, 0x00800000, 0x7f800000) || v_any_outside(v_abs(y), 0, 0x53800000);
}

/* where v_pow_is_rare; near is right unless |x| is not normal either, or y is large */
static __attribute__((noinline, cold, unused)) V v_pow_rare(V x, V y, V near)
{
    V a = v_abs(x), normal = v_set(TK_SMALLEST_NORMAL);
    if (v_pow_is_rare(a, y)) {
        V scaled = v_less(a, normal, v_set(TK_MANTISSA), v_set(0));
        a = v_less(a, normal, a / TK_EPSILON, a);
        /* 2^40 makes any a but 1 over- or underflow */
        near = v_pow_normal(a, scaled, v_at_most(v_at_least(y, -0x1p40f), 0x1p40f));
    }
    return v_pow_ends(x, y, near);
}

TK_INLINE V v_pow(V x, V y)
{
    V near = v_pow_normal(v_abs(x), v_set(0), y);
    return __builtin_expect(v_pow_is_rare(x, y), 0) ? v_pow_rare(x, y, near) : near;
}

#include "curves.h"
#include "gamma.h"
