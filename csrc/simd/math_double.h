/* Elementary functions in double precision; included by math.h.
 *
 * The polynomials are minimax fits of their own (Remez exchange in 50 digits, coefficients then
 * rounded one by one); each states its interval and its error relative to the function.
 */
typedef uint64_t TK_Bits __attribute__((vector_size(TK_VECTOR_BYTES)));

#define TK_LIBM(name) name
#define TK_MANTISSA 52
#define TK_EPSILON 0x1p-52
#define TK_SMALLEST_NORMAL 0x1p-1022
#define TK_MAGIC 0x1.8p52 /* adding it rounds to an integer, found in the low bits of the sum */
#define TK_ONE_BITS INT64_C(0x3ff0000000000000)
#define TK_CENTER 0x1.6a09e667f3bcdp-1 /* logarithms are of sqrt(1/2) to sqrt(2) */
#define TK_CENTER_BITS INT64_C(0x3fe6a09e667f3bcd)
#define TK_REST_BITS INT64_C(0x7ffffff) /* the lower half of the digits */

#define TK_LN2 0x1.62e42fefa39efp-1
#define TK_LN2_HI 0x1.62e42fefa3p-1 /* 41 bits: times an exponent it is exact */
#define TK_LN2_LO 0x1.3de6af278ece6p-42
#define TK_LN2_EIGHTH_HI 0x1.62e42fefap-4 /* 36 bits: times 8 exponents it is exact */
#define TK_LN2_EIGHTH_LO 0x1.cf79abc9e3b3ap-43
#define TK_LOG2E 0x1.71547652b82fep0
#define TK_LOG2E_HI 0x1.7154768p0 /* 26 bits */
#define TK_LOG2E_LO -0x1.6a3e80f444178p-27
#define TK_LOG10E_HI 0x1.bcb7b18p-2 /* 26 bits */
#define TK_LOG10E_LO -0x1.6c8d78e6acaa4p-29
#define TK_LOG10_2_HI 0x1.34413509f6p-2 /* 40 bits */
#define TK_LOG10_2_LO 0x1.9fef311f12b36p-42

#define TK_EIGHTH_UNIT 0x1p-512 /* see v_logistic */

#define TK_TWO_OVER_PI 0x1.45f306dc9c883p-1
#define TK_HALF_PI 0x1.921fb54442d18p0
#define TK_HALF_PI_LO 0x1.1a62633145c07p-54
#if TK_HAS_FMA
#define TK_HALF_PI_BEYOND -0x1.f1976b7ed8fbcp-110
#define TK_TURN_LIMIT 0x1p30
#else
#define TK_HALF_PI_1 0x1.921fb544p0 /* three parts of 33 bits, for n < 2^20 */
#define TK_HALF_PI_2 0x1.0b4611a6p-34
#define TK_HALF_PI_3 0x1.3198a2ep-69
#define TK_HALF_PI_4 0x1.b839a252049c1p-104
#define TK_TURN_LIMIT 1e6
#endif

/* where results are 0 or infinite, -1 or 1 */
#define TK_EXP_LEAST -746.0
#define TK_GATE_LEAST -760.0 /* x exp(x) is 0 */
#define TK_EXP_MOST 710.0
#define TK_EXP2_LEAST -1076.0
#define TK_EXP2_MOST 1025.0
#define TK_TANH_MOST 19.1
#define TK_ERF_MOST 6.0

#define TK_TANH_SPLIT 0.625
#define TK_ERF_SPLIT 0.85

/* exp(r) = 1 + r + r^2 P(r), |r| <= ln(2)/2: degree 11, error 2^-57.5 */
TK_INLINE V v_exp_poly(V r)
{
    V p = 0x1.af033282c8b08p-26 * r + 0x1.28b13a47cc918p-22;
    p = p * r + 0x1.71de5a4afa6aap-19;
    p = p * r + 0x1.a019967d4f63fp-16;
    p = p * r + 0x1.a01a016fcf5bcp-13;
    p = p * r + 0x1.6c16c1853b6b6p-10;
    p = p * r + 0x1.111111111fa03p-7;
    p = p * r + 0x1.55555555504edp-5;
    p = p * r + 0x1.5555555555502p-3;
    p = p * r + 0x1.000000000000ap-1;
    p = p * r + 1;
    return p * r + 1;
}

/* TK_EIGHTH_UNIT 2^(n/8) for a normal result, from t = n + TK_MAGIC. The table holds the bits of
 * the unit times 2^(j/8), less what the shift adds for j. */
TK_INLINE V v_eighths(V t)
{
    static const I table[8] = {INT64_C(0x1ff0000000000000), INT64_C(0x1fef72b83c7d517b),
        INT64_C(0x1fef06fe0a31b715), INT64_C(0x1feebfdad5362a27),
        INT64_C(0x1feea09e667f3bcd), INT64_C(0x1feeace5422aa0db),
        INT64_C(0x1feee89f995ad3ad), INT64_C(0x1fef5818dcfba487)};
    return (V)((M)v_pick((const T *)table, t) + ((M)t << 49));
}

/* TK_EIGHTH_UNIT (1 + 2^(n/8) exp(-r)), t = n + TK_MAGIC: degree 7, |r| <= ln(2)/16, error 2^-58.3
 * of exp(-r). r is first corrected by the logarithm of what the table of eighths lost. */
TK_INLINE V v_one_plus(V r, V t)
{
    static const T lost[8] = {0x0.0p+0, -0x1.01b15eaa59348p-55,
                               0x1.34d754db0abb6p-55, 0x1.690cebb7aafb0p-56,
                               -0x1.3b3efbf5e2229p-54, 0x1.db72fc1f0eab4p-55,
                               0x1.c1a7792cb3387p-55, 0x1.4a385a63d07a7p-56};
    r = r - v_pick(lost, t);
    V p = -0x1.a016388279be3p-13 * r + 0x1.6c1cbffa06556p-10;
    p = p * r - 0x1.11111125e3213p-7;
    p = p * r + 0x1.5555554803fb9p-5;
    p = p * r - 0x1.555555555512fp-3;
    p = p * r + 0x1.000000000010cp-1;
    p = p * r - 1;
    V power = v_eighths(t), e = p * r * power + power;
    return (p * r * power + (power - e) + TK_EIGHTH_UNIT) + e; /* with what e lost */
}

/* 2^r = 1 + r P(r), |r| <= 1/2: degree 12, error 2^-59.7 */
TK_INLINE V v_exp2_poly(V r)
{
    V p = 0x1.f9c76eeaf90b5p-36 * r + 0x1.ebd177dcb38a7p-32;
    p = p * r + 0x1.e4ac7588e1297p-28;
    p = p * r + 0x1.b52390db73e83p-24;
    p = p * r + 0x1.62c02a5007e85p-20;
    p = p * r + 0x1.ffcbfd230530fp-17;
    p = p * r + 0x1.430912f6d2956p-13;
    p = p * r + 0x1.5d87fe787a434p-10;
    p = p * r + 0x1.3b2ab6fba5274p-7;
    p = p * r + 0x1.c6b08d704a1c2p-5;
    p = p * r + 0x1.ebfbdff82c58ep-3;
    p = p * r + 0x1.62e42fefa39efp-1;
    return p * r + 1;
}

/* expm1(r) = r + r^2 P(r), |r| <= ln(2)/2: degree 12, error 2^-57.5 */
TK_INLINE V v_expm1_poly(V r)
{
    V p = 0x1.bc56300db0ff7p-30 * r + 0x1.af3a27886cbdap-26;
    p = p * r + 0x1.280ef42b129a5p-22;
    p = p * r + 0x1.71de0cadab159p-19;
    p = p * r + 0x1.a019ee11a8243p-16;
    p = p * r + 0x1.a01a01a85dc57p-13;
    p = p * r + 0x1.6c16c17007546p-10;
    p = p * r + 0x1.11111111106c5p-7;
    p = p * r + 0x1.5555555554b0ep-5;
    p = p * r + 0x1.5555555555557p-3;
    p = p * r + 0x1.0000000000001p-1;
    return p * (r * r) + r;
}

/* log(1 + f) - f = s (f^2/2 + R) - f^2/2, s = f / (2 + f), R = z P(z), z = s^2, which is the series
 * of log((1 + s) / (1 - s)) rearranged; sqrt(1/2) <= 1 + f <= sqrt(2), error 2^-59.5 */
TK_INLINE V v_log_tail(V f)
{
    V s = f / (2 + f), z = s * s, half_square = 0.5 * f * f;
    V p = 0x1.2f13846c6790ap-3 * z + 0x1.39a0697b8aa83p-3;
    p = p * z + 0x1.74664b19133dcp-3;
    p = p * z + 0x1.c71c51d272bep-3;
    p = p * z + 0x1.249249422edefp-2;
    p = p * z + 0x1.999999997f9ccp-2;
    p = p * z + 0x1.5555555555593p-1;
    return s * (half_square + p * z) - half_square;
}

/* x + x^3 P(x^2), |x| <= 0.625, error 2^-56.4 */
TK_INLINE V v_tanh_small(V x)
{
    V u = x * x;
    V p = -0x1.0d98826c4c4fep-16 * u + 0x1.4389a183440a3p-14;
    p = p * u - 0x1.df522b1fca403p-13;
    p = p * u + 0x1.3365a9ca3a213p-11;
    p = p * u - 0x1.7d68930ea0352p-10;
    p = p * u + 0x1.d6cf267a50432p-9;
    p = p * u - 0x1.226e161f5d284p-7;
    p = p * u + 0x1.664f477a5f476p-6;
    p = p * u - 0x1.ba1ba1b5039aep-5;
    p = p * u + 0x1.111111110ac93p-3;
    p = p * u - 0x1.55555555554ffp-2;
    return p * u * x + x;
}

/* 2 / (1 + exp(2a)), 0.625 <= a <= TK_TANH_MOST */
TK_INLINE V v_tanh_missing(V a)
{
    V t = a * (2 * TK_LOG2E) + TK_MAGIC, r = a * (2 * TK_LOG2E) - (t - TK_MAGIC);
    V power = (V)(((M)t << TK_MANTISSA) + TK_ONE_BITS);
    return 2 / (v_exp2_poly(r) * power + 1);
}

/* x + x^3 P(x^2), |x| <= 1, error 2^-61.8 */
TK_INLINE V v_sinh_small(V x)
{
    V u = x * x;
    V p = 0x1.b5c8f92dcfe3ep-41 * u + 0x1.6116f3d8abd52p-33;
    p = p * u + 0x1.ae646ff5f8f0fp-26;
    p = p * u + 0x1.71de3a3b06908p-19;
    p = p * u + 0x1.a01a01a037264p-13;
    p = p * u + 0x1.111111111101ep-7;
    p = p * u + 0x1.5555555555556p-3;
    return p * (u * x) + x;
}

/* erf(x), |x| <= 0.85: x + x P(x^2), error 2^-55.6 */
TK_INLINE V v_erf_small(V x)
{
    V u = x * x;
    V p = 0x1.6cb07b66b2019p-27 * u - 0x1.50a28712e2676p-23;
    p = p * u + 0x1.b82067ed06566p-20;
    p = p * u - 0x1.f4b02458e82d1p-17;
    p = p * u + 0x1.f9a17c49bc9b4p-14;
    p = p * u - 0x1.c02da696e075p-11;
    p = p * u + 0x1.565bcccadc8bbp-8;
    p = p * u - 0x1.b82ce310fa36bp-6;
    p = p * u + 0x1.ce2f21a03e04bp-4;
    p = p * u - 0x1.812746b03798dp-2;
    p = p * u + 0x1.06eba8214db68p-3;
    return p * x + x;
}

/* erfc(a) = 2^power factor, factor = P(u) / (a + 2), u = (a - 2) / (a + 2), 0.85 <= a <= 6,
 * error 2^-57.2 (absolute) */
TK_INLINE V v_erfc_parts(V a, V *power)
{
    V inverse = 1 / (a + 2), u = (a - 2) * inverse;
    V p = 0x1.7ef59a7027072p-15 * u + 0x1.32744e9ed4aap-13;
    p = p * u + 0x1.193be67d46304p-15;
    p = p * u - 0x1.5bd702801d083p-11;
    p = p * u - 0x1.b7006958b69d8p-11;
    p = p * u + 0x1.95180a318a1fep-9;
    p = p * u + 0x1.a89eb8b285365p-8;
    p = p * u - 0x1.606e414889675p-6;
    p = p * u - 0x1.2a88e612e06e2p-5;
    p = p * u + 0x1.1e2deea6ac01ap-2;
    p = p * u - 0x1.5fd386754efb5p-1;
    p = p * u + 0x1.058671b52c77bp0;
    *power = a * a * -TK_LOG2E;
    return p * inverse;
}

/* sin(r + tail) = r + r^3 P(r^2) + tail, |r| <= pi/4, error 2^-57.9 */
TK_INLINE V v_sin_poly(V r, V tail)
{
    V u = r * r;
    V p = 0x1.5d8b8658c09eep-33 * u - 0x1.ae5e4be09a173p-26;
    p = p * u + 0x1.71de35555d7fp-19;
    p = p * u - 0x1.a01a019be92e4p-13;
    p = p * u + 0x1.111111110f73p-7;
    p = p * u - 0x1.5555555555548p-3;
    return (p * (u * r) + tail) + r;
}

/* cos(r + tail) = 1 - r^2/2 + r^4 P(r^2) - r tail, |r| <= pi/4, error 2^-63.9 */
TK_INLINE V v_cos_poly(V r, V tail)
{
    V u = r * r;
    V p = -0x1.8fa5ec7bd64aap-37 * u + 0x1.1ee9dacb7b568p-29;
    p = p * u - 0x1.27e4f7f050114p-22;
    p = p * u + 0x1.a01a019c8dd1dp-16;
    p = p * u - 0x1.6c16c16c1500dp-10;
    p = p * u + 0x1.555555555554bp-5;
    p = p * u - 0.5;
    return (p * u - r * tail) + 1;
}

/* tan(r + tail) = r + r^3 P(r^2) + tail, |r| <= pi/4, error 2^-55.4 */
TK_INLINE V v_tan_poly(V r, V tail)
{
    V u = r * r;
    V p = 0x1.5eb5b2403947dp-16 * u - 0x1.79dacf1f3d047p-15;
    p = p * u + 0x1.787a004aa9221p-14;
    p = p * u - 0x1.c03bd4c19619ep-16;
    p = p * u + 0x1.1ecd7ab1e6db3p-13;
    p = p * u + 0x1.d22119a0a58f3p-13;
    p = p * u + 0x1.38014c8b5c2cdp-11;
    p = p * u + 0x1.7d5a8ebfedf9bp-10;
    p = p * u + 0x1.d6d944b5c96b5p-9;
    p = p * u + 0x1.226e11e15316dp-7;
    p = p * u + 0x1.664f49acc23cbp-6;
    p = p * u + 0x1.ba1ba1b453fd1p-5;
    p = p * u + 0x1.11111111184d7p-3;
    p = p * u + 0x1.55555555554fp-2;
    return (p * (u * r) + tail) + r;
}

/* atan(q), 0 <= q <= 1: q + q^3 P(q^2), error 2^-57.3 */
TK_INLINE V v_atan_unit(V q)
{
    V u = q * q;
    V p = 0x1.bbf4f78c65a3fp-17 * u - 0x1.3f3883b464c7fp-13;
    p = p * u + 0x1.b3fb3d0fbf23bp-11;
    p = p * u - 0x1.7a38d0005d86cp-9;
    p = p * u + 0x1.d7b7a1aa06446p-8;
    p = p * u - 0x1.c78e6005116ap-7;
    p = p * u + 0x1.683bea791bf63p-6;
    p = p * u - 0x1.e9f94ac82db89p-6;
    p = p * u + 0x1.2c2e1d1bb4dbep-5;
    p = p * u - 0x1.59a3df3e5358fp-5;
    p = p * u + 0x1.82dacb39fb803p-5;
    p = p * u - 0x1.ae5e6f097809bp-5;
    p = p * u + 0x1.e1bba591f6619p-5;
    p = p * u - 0x1.110e511448e59p-4;
    p = p * u + 0x1.3b136697d7b97p-4;
    p = p * u - 0x1.745d11ae42084p-4;
    p = p * u + 0x1.c71c717fccb7cp-4;
    p = p * u - 0x1.249249237f4d6p-3;
    p = p * u + 0x1.99999999955b2p-3;
    p = p * u - 0x1.5555555555526p-2;
    return p * (u * q) + q;
}

/* asin(s) - s, from z = s^2 <= 1/4: s^3 P(z), error 2^-59.9 of asin(s) */
TK_INLINE V v_asin_tail(V s, V z)
{
    V p = 0x1.0b46ff926d059p-5 * z - 0x1.57fe40bb04592p-6;
    p = p * z + 0x1.639cf16612d1ap-6;
    p = p * z + 0x1.e5f4118ac65a7p-9;
    p = p * z + 0x1.613ca202dd527p-7;
    p = p * z + 0x1.7585866f2db45p-7;
    p = p * z + 0x1.ca1f8dc105e78p-7;
    p = p * z + 0x1.1c49f05a4440ap-6;
    p = p * z + 0x1.6e8bdee05bc45p-6;
    p = p * z + 0x1.f1c71a94f23p-6;
    p = p * z + 0x1.6db6db7212693p-5;
    p = p * z + 0x1.333333332e131p-4;
    p = p * z + 0x1.5555555555577p-3;
    return p * (s * z);
}

#include "math_common.h"

/* factor erfc(a) = factor exp(-scale x^2) P(u) / (a + 3), u = (a - 3) / (a + 3), for 0.6 <= a <=
 * 27.4: degree 20, error 2^-56.6. What a rounding loses goes on as a rest: of a, of a + 3 and its
 * inverse, of the last two steps of P and of the products. x^2 is high^2, which is exact, and
 * more. */
TK_INLINE V v_erfc_beyond(V a, V a_rest, V x, const T scale, V factor)
{
    V b = a + 3, back = b - a, inverse = 1 / b;
    V b_rest = (a - (b - back)) + (3 - back) + a_rest; /* two-sum, Knuth */
    V inverse_rest = (v_fma(-b, inverse, v_set(1)) - b_rest * inverse) * inverse;
    V u = v_fma(v_set(-6), inverse, v_set(1)) - 6 * inverse_rest;
    V p = -0x1.c149fffccedf4p-27 * u + 0x1.4771f5468e329p-25;
    p = p * u + 0x1.2f0f4a1cf31ddp-24;
    p = p * u - 0x1.e7fc3d07e7768p-23;
    p = p * u - 0x1.ce192211e6589p-22;
    p = p * u + 0x1.0c346f2fc04c4p-20;
    p = p * u + 0x1.74b50a04b86e2p-19;
    p = p * u - 0x1.3ed1e4263f774p-18;
    p = p * u - 0x1.252ae92392712p-16;
    p = p * u + 0x1.fe022aa33783dp-16;
    p = p * u + 0x1.c326037cd7b79p-14;
    p = p * u - 0x1.22390772aaeffp-12;
    p = p * u - 0x1.1f78e4643a78cp-11;
    p = p * u + 0x1.8dae3a4ba5b42p-9;
    p = p * u - 0x1.3dd3e6f452be5p-10;
    p = p * u - 0x1.b78993d6fa65p-6;
    p = p * u + 0x1.e995f11b1308cp-4;
    p = p * u - 0x1.3deb21415dacp-2;
    p = p * u + 0x1.2e326945de2d3p-1;
    const V c1 = v_set(-0x1.c44c471baa378p-1), c0 = v_set(0x1.12f21ddd9f5e2p0);
    V slope = v_fma(p, u, c1), slope_rest = v_fma(p, u, c1 - slope), sum = v_fma(slope, u, c0);
    V sum_rest = v_fma(slope, u, c0 - sum) + (slope_rest * u - 0x1.b4de2be0a2851p-54);
    V q = v_product(sum, inverse);
    V q_rest = v_fma(sum, inverse, -q) + (sum * inverse_rest + sum_rest * inverse);
    V y = v_product(factor, q), y_rest = v_fma(factor, q, -y) + factor * q_rest;

    V high = (V)((M)x & ~TK_REST_BITS), rest = (x - high) * (x + high);
    V power = v_at_least(-scale * (high * high), TK_GATE_LEAST); /* a cut NaN is infinite */
    V t, r = v_exp_reduce_sum(power, -scale * rest, &t);
    return v_scale(y + v_product_plus(y, v_expm1_poly(r), y_rest), t);
}

TK_INLINE V v_erfc(V x)
{
    V a = v_at_most(v_abs(x), 27.3); /* erfc(27.23) rounds to 0 */
    V y = v_erfc_beyond(a, v_set(0), a, 1, v_set(1));
    y = v_less(x, v_set(0), 2 - y, y);
    return v_less(a, v_set(0.6), 1 - v_erf_small(x), y);
}

/* factor times the normal distribution function at -|x|, |x| > 0.85; before the product could be
 * subnormal */
TK_INLINE V v_normal_tail(V x, V factor)
{
    const T root = 0.70710678118654752440, root_rest = -0x1.bdd3413b26456p-55;
    V b = v_at_most(v_abs(x), 38.7), a = v_product(b, v_set(root));
    V a_rest = v_fma(b, v_set(root), -a) + b * root_rest;
    return v_erfc_beyond(a, a_rest, b, 0.5, 0.5 * factor);
}

#include "curves.h"
#include "gamma.h"

/* a^y for 0 < a < inf and |y| <= 2^65. y log(a) is as large as 745, so the logarithm is the sum of
 * two numbers and wrong by 2^-65 of itself; v_product keeps products apart that the compiler would
 * fuse with a sum, of which the other part is then exact. */
TK_INLINE V v_pow_positive(V a, V y)
{
    V e, n = v_log_split(a, &e); /* a = 2^e (1 + n), sqrt(1/2) <= 1 + n <= sqrt(2) */

    /* s + s_rest = n / (2 + n) */
    V d = n + 2, d_rest = n - (d - 2), inverse = 1 / d;
    V s = v_product(n, inverse), s_rest = (v_fma(-s, d, n) - s * d_rest) * inverse;
    V z = v_product(s, s), z_rest = v_fma(s, s, -z) + (s + s) * s_rest;

    /* log(1 + n) = 2 s (1 + w), w = z (1/3 + z Q(z)), Q of degree 6, error 2^-66 */
    V q = 0x1.0e42dec8b868ep-4 * z + 0x1.0f7fe51d99802p-4;
    q = q * z + 0x1.3b1eec315f25fp-4;
    q = q * z + 0x1.745ce9e2c718fp-4;
    q = q * z + 0x1.c71c722d67477p-4;
    q = q * z + 0x1.2492492457d5cp-3;
    q = q * z + 0x1.9999999999b3p-3;
    V part = v_product(z, q), third = part + 0x1.5555555555555p-2;
    V third_rest = (0x1.5555555555555p-2 - third) + part + (z_rest * q + 0x1.5555555555555p-56);
    V w = v_product(z, third), w_rest = v_fma(z, third, -w) + (z * third_rest + z_rest * third);
    V sw = v_product(s, w), sw_rest = v_fma(s, w, -sw) + (s * w_rest + s_rest * w);
    V half = s + sw, half_rest = (s - half) + sw + (s_rest + sw_rest);

    V whole = v_product(e, v_set(TK_LN2_HI)), log = whole + (half + half);
    V log_rest = (whole - log) + (half + half) + ((half_rest + half_rest) + e * TK_LN2_LO);

    V power = v_product(y, log), power_rest = v_fma(y, log, -power) + y * log_rest;
    /* where the result is 0 or infinite the rest would be too large for the exponential */
    power_rest = v_less(v_abs(power), v_set(-TK_EXP_LEAST), power_rest, v_set(0));
    power = v_at_most(v_at_least(power, TK_EXP_LEAST), TK_EXP_MOST);
    V t, r = v_exp_reduce_sum(power, power_rest, &t);
    return v_scale(v_exp_poly(r), t);
}

TK_INLINE V v_pow(V x, V y)
{
#if TK_HAS_FMA
    return v_pow_ends(x, y, v_pow_positive(v_abs(x), v_at_most(v_at_least(y, -0x1p65), 0x1p65)));
#else
    return v_each2(x, y, pow);
#endif
}
