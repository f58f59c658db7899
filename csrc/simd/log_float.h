/* Logarithms in single precision where there is FMA; included by math_common.h.
 *
 * x = 2^e m, 0.67 <= m < 1.34, and m c = 1 + r with c from a table of sixteen, |r| < 1/30: the
 * logarithm is e log 2 - log c + log(1 + r). c, of 23 bits, is chosen so that log c has 16 or 17
 * bits behind the point and hardly any more: e log 2 - log c is then exact. Around 1 it is 1, so
 * that r is exact there and the result keeps its digits.
 */
#define TK_LEAST_M 0x3f2c0000 /* 43/64: sixteenths of what follows have 1 in the middle of one */

/* to the bases e, 2 and 10: c, then -log c */
enum { TK_NATURAL, TK_BINARY, TK_DECIMAL };
static const float tk_logs[3][2][16] __attribute__((aligned(64))) = {
    {{0x1.70bf9p0f, 0x1.639138p0f, 0x1.59425cp0f, 0x1.446868p0f, 0x1.3e23f8p0f,
      0x1.338c8p0f, 0x1.2726c4p0f, 0x1.1e1064p0f, 0x1.126834p0f, 0x1.05154p0f, 0x1p0f,
      0x1.e267c8p-1f, 0x1.c5feap-1f, 0x1.b07048p-1f, 0x1.99818p-1f, 0x1.876e38p-1f},
     {-0x1.75b2p-2f, -0x1.506cp-2f, -0x1.324cp-2f, -0x1.e504p-3f, -0x1.bd1p-3f,
      -0x1.77b8p-3f, -0x1.2374p-3f, -0x1.c6dp-4f, -0x1.1c68p-4f, -0x1.422p-6f, 0,
      0x1.e7cp-5f, 0x1.ec8p-4f, 0x1.59ep-3f, 0x1.c978p-3f, 0x1.12f6p-2f}},
    {{0x1.75d43p0f, 0x1.65f8ep0f, 0x1.539afp0f, 0x1.438b0cp0f, 0x1.386ea4p0f, 0x1.2f1f78p0f,
      0x1.24112p0f, 0x1.1cd638p0f, 0x1.1252acp0f, 0x1.049ea8p0f, 0x1p0f, 0x1.e36c8p-1f,
      0x1.c766a8p-1f, 0x1.ad89dp-1f, 0x1.9a1388p-1f, 0x1.840238p-1f},
     {-0x1.17acp-1f, -0x1.ef5p-2f, -0x1.a18p-2f, -0x1.59ecp-2f, -0x1.264cp-2f,
      -0x1.f338p-3f, -0x1.857p-3f, -0x1.3b6p-3f, -0x1.988p-4f, -0x1.a6cp-6f, 0, 0x1.536p-4f,
      0x1.5a2p-3f, 0x1.037p-2f, 0x1.47fp-2f, 0x1.99a8p-2f}},
    {{0x1.780d34p0f, 0x1.67ecdp0f, 0x1.51ad7p0f, 0x1.4550ccp0f, 0x1.3ec978p0f,
      0x1.33ba18p0f, 0x1.28c784p0f, 0x1.16af3cp0f, 0x1.0f43e4p0f, 0x1.045f4cp0f, 0x1p0f,
      0x1.e3f198p-1f, 0x1.c6d63p-1f, 0x1.acdf3p-1f, 0x1.9b33bp-1f, 0x1.82b528p-1f},
     {-0x1.5608p-3f, -0x1.2f0cp-3f, -0x1.ec98p-4f, -0x1.aa4p-4f, -0x1.863p-4f, -0x1.476p-4f,
      -0x1.06fp-4f, -0x1.2e1p-5f, -0x1.9c2p-6f, -0x1.e2p-8f, 0, 0x1.91p-6f, 0x1.a53p-5f,
      0x1.3b28p-4f, 0x1.86p-4f, 0x1.f34p-4f}},
};

/* e log 2 - log c + log(1 + r), errors of the polynomials 2^-31; sixteenth picks c */
TK_INLINE V v_log_pieces(V e, M sixteenth, V r, const int base)
{
    V log = v_pick16(tk_logs[base][1], sixteenth), s = r * r;
    if (base == TK_BINARY) {
        V p = (0x1.ec70a2p-2f * r - 0x1.715474p-1f) + s * (0x1.278aap-2f * r - 0x1.71a36ep-2f);
        return (e + log) + v_fma(r, v_set(0x1.715476p0f), p * s);
    }
    if (base == TK_DECIMAL) {
        V p = (0x1.287a8cp-3f * r - 0x1.bcb7aep-3f) + s * (0x1.630d76p-4f * r - 0x1.bd1c78p-4f);
        V rest = p * s + e * TK_LOG10_2_LO;
        return (e * TK_LOG10_2_HI + log) + v_fma(r, v_set(0x1.bcb7b2p-2f), rest);
    }
    V p = (0x1.555556p-2f * r - 0x1.fffffcp-2f) + s * (0x1.99c90ap-3f * r - 0x1.0039fap-2f);
    return (e * TK_LN2_HI + log) + (p * s + (r + e * TK_LN2_LO));
}

/* of a normal positive finite x / 2^scaled */
TK_INLINE V v_log_normal(V x, const int scaled, const int base)
{
    M k = (M)x - TK_LEAST_M, sixteenth = (M)((TK_Bits)k >> 19);
    V r = (V)((M)x - (k & ~0x7fffff)) * v_pick16(tk_logs[base][0], sixteenth) - 1;
    return v_log_pieces(__builtin_convertvector((k >> 23) - scaled, V), sixteenth, r, base);
}

/* near, with the logarithm where x is 0, subnormal, negative, infinite or NaN */
static __attribute__((noinline, cold, unused)) V v_log_rare(V x, V near, int base)
{
    V small = x / TK_EPSILON;
    small = base == TK_NATURAL  ? v_log_normal(small, 23, TK_NATURAL)
            : base == TK_BINARY ? v_log_normal(small, 23, TK_BINARY)
                                : v_log_normal(small, 23, TK_DECIMAL);
    return v_log_ends(x, v_less(x, v_set(TK_SMALLEST_NORMAL), small, near));
}

TK_INLINE V v_log_table(V x, const int base)
{
    V y = v_log_normal(x, 0, base);
    return __builtin_expect(v_any_outside(x, 0x00800000, 0x7f800000), 0) ? v_log_rare(x, y, base)
                                                                          : y;
}

TK_INLINE V v_log(V x)
{
    return v_log_table(x, TK_NATURAL);
}

TK_INLINE V v_log2(V x)
{
    return v_log_table(x, TK_BINARY);
}

TK_INLINE V v_log10(V x)
{
    return v_log_table(x, TK_DECIMAL);
}

/* log(1 + x) for 2^-24 <= 1 + x < 2^126. e is that of 1 + x rounded, and x 2^-e c + (2^-e c - 1)
 * is r: the last difference is exact, as c is so short, until x is so large that it does not
 * matter. */
TK_INLINE V v_log1p_inner(V x)
{
    M k = (M)(1 + x) - TK_LEAST_M, sixteenth = (M)((TK_Bits)k >> 19);
    V c = v_pick16(tk_logs[TK_NATURAL][0], sixteenth);
    V part = (V)(TK_ONE_BITS - (k & ~0x7fffff)) * c;
    V r = x * part + (part - 1);
    V y = v_log_pieces(__builtin_convertvector(k >> 23, V), sixteenth, r, TK_NATURAL);
    return v_copysign(y, x);
}

static __attribute__((noinline, cold, unused)) V v_log1p_rare(V x, V near)
{
    V ends = v_log(1 + x);
    return v_less(1 + x, v_set(0x1p126f), v_less(v_set(-1), x, near, ends), ends);
}

TK_INLINE V v_log1p(V x)
{
    V y = v_log1p_inner(x);
    return __builtin_expect(v_any_outside(1 + x, 0x33800000, 0x7e800000), 0) ? v_log1p_rare(x, y)
                                                                             : y;
}
#undef TK_LEAST_M
