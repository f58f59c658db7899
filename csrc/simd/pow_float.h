/* Powers in single precision where there is FMA; included by math_float.h.
 *
 * a = 2^e m, 0.67 <= m < 1.34, and m c = 1 + r with c from a table of sixteen, |r| < 0.0342: the
 * logarithm to base 2 is e - log2 c + log2(1 + r), in two numbers, for its product with y is up to 150
 * times as large. c has so few bits that r is exact, around 1 it is 1; -log2 c is given in two parts, of
 * which the first has 15 bits behind the point, so that its sum with e is exact. */
#define TK_LEAST_M 0x3f2c0000 /* 43/64: sixteenths of what follows have 1 in the middle of one */

static const float tk_powers[3][16] __attribute__((aligned(64))) = {
    {0x1.7p0f, 0x1.6p0f, 0x1.58p0f, 0x1.48p0f, 0x1.38p0f, 0x1.3p0f, 0x1.28p0f, 0x1.18p0f, 0x1.1p0f,
     0x1.08p0f, 0x1p0f, 0x1.ep-1f, 0x1.c8p-1f, 0x1.bp-1f, 0x1.98p-1f, 0x1.88p-1f},
    {-0x1.0c1p-1f, -0x1.d678p-2f, -0x1.b48p-2f, -0x1.6e2p-2f, -0x1.244p-2f, -0x1.fbcp-3f,
     -0x1.acfp-3f, -0x1.08cp-3f, -0x1.664p-4f, -0x1.6bcp-5f, 0, 0x1.7d6p-4f, 0x1.564p-3f, 0x1.f6p-3f,
     0x1.4f7p-2f, 0x1.8a88p-2f},
    {-0x1.40358ep-19f, 0x1.60fe68p-17f, 0x1.408c78p-18f, -0x1.0e6ce8p-17f, -0x1.eac382p-20f,
     -0x1.6b9026p-19f, -0x1.78b6d4p-17f, -0x1.62336ap-17f, 0x1.20a6dep-21f, 0x1.2c8a72p-17f, 0,
     0x1.25b3eep-22f, -0x1.1eb002p-18f, -0x1.3ab7cep-18f, -0x1.134c4ep-20f, 0x1.80abfcp-18f},
};

/* a^y 2^(-y scaled) for normal a and finite y. log(1 + r) = r - r^2/2 + r^3 P(r), error 2^-36.5, where
 * the first two are kept with what their sum loses. */
TK_INLINE V v_pow_normal(V a, V scaled, V y)
{
    M k = (M)a - TK_LEAST_M, sixteenth = (M)((TK_Bits)k >> 19);
    V whole = __builtin_convertvector(k >> 23, V) - scaled + v_pick16(tk_powers[1], sixteenth);
    V m = (V)((M)a - (k & ~0x7fffff)), r = v_fma(m, v_pick16(tk_powers[0], sixteenth), v_set(-1));
    V s = r * r, log = v_fma(s, v_set(-0.5f), r), rest = v_fma(s, v_set(-0.5f), r - log);
    V p = -0x1.55c828p-3f * r + 0x1.9a112ep-3f;
    p = p * r - 0x1.fffff4p-3f;
    p = p * r + 0x1.55555p-2f;
    rest = p * (r * s) + (rest - 0.5f * v_fma(r, r, -s));
    /* times log2(e), 0x1.715476p0 and a little more, then the sum with the whole part */
    V high = v_product(log, v_set(0x1.715476p0f)), sum = whole + high;
    V low = v_fma(log, v_set(0x1.715476p0f), -high) + log * 0x1.4ae0cp-26f;
    low = rest * 0x1.715476p0f + (low + v_pick16(tk_powers[2], sixteenth));
    low = low + ((whole - sum) + high);
    /* beyond +-200 the result is 0 or infinite */
    V power = v_product(y, sum), lost = y * low + v_fma(y, sum, -power);
    power = v_at_most(v_at_least(power, -200), 200);
    V t = power + TK_MAGIC;
    lost = v_at_most(v_at_least(lost, -1), 1);
    return v_scale(v_exp2_poly((power - (t - TK_MAGIC)) + lost), t);
}
#undef TK_LEAST_M
