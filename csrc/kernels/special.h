/* Special functions of map.h, once per floating type, float64 first: digamma and polygamma are
 * computed in double for both, so float32 results are within 1 ulp; float64 ones within 1e-15 of the
 * largest intermediate value, which near a zero of the function is more than an ulp. */

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
/* The derivative of ln Gamma: 10 steps of psi(x) = psi(x + 1) - 1 / x, two at a time, then the
 * asymptotic series. Below 0 by reflection, psi(1 - x) - pi / tan(pi x); Abramowitz and Stegun
 * 6.3.5-18. */
TK_OUTLINE V TK_FN(digamma_vector)(V x)
{
    static const double series[] = {1 / 12.0,   -691 / 32760.0, 1 / 132.0, -1 / 240.0,
                                    1 / 252.0, -1 / 120.0,     1 / 12.0};
    V z = v_less(x, v_set(0), 1 - x, x), sum = {0}, tail = {0};
    V bounded = v_at_most(z, 1e100); /* the square of which is a number */
    for (int i = 8; i >= 0; i -= 2) {
        V a = bounded + i, b = bounded + (i + 1);
        sum -= (a + b) / (a * b);
    }
    V y = z + 10, inverse = 1 / y, square = inverse * inverse;
    for (int i = 0; i < 7; i++)
        tail = (tail + series[i]) * square;
    sum += v_log(y) - 0.5 * inverse - tail;
    if (v_any(x < 0)) {
        V fraction = x - v_rint(x); /* exact, and small where tan is steep */
        V reflected = sum - M_PI / v_tan(M_PI * fraction);
        sum = v_less(x, v_set(0), v_select(fraction == 0, v_set(NAN), reflected), sum);
    }
    sum = v_select(x == (V){0}, v_copysign(v_set(INFINITY), -x), sum);
    return v_select(x == v_set(INFINITY), x, sum);
}

/* n >= 0 */
TK_INLINE V TK_FN(whole_power)(V x, int n)
{
    V power = v_set(1);
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            power *= x;
    return power;
}

/* Hurwitz's zeta function of a whole s > 1 and q > 0: terms up to q >= 15, or less for a small s,
 * then the formula of Euler and Maclaurin; NIST DLMF 25.11.5 and 2.10.1. */
TK_OUTLINE V TK_FN(zeta_vector)(V q, int s)
{
    static const double series[] = {1 / 12.0,
                                    -1 / 720.0,
                                    1 / 30240.0,
                                    -1 / 1209600.0,
                                    1 / 47900160.0,
                                    -691 / 1307674368000.0,
                                    1 / 74724249600.0,
                                    -3617 / 10670622842880000.0};
    const int terms = s < 8 ? s + 7 : 15;
    V sum = {0};
    for (int i = terms - 1; i >= 0; i--)
        sum += TK_FN(whole_power)(1 / (q + i), s);
    V inverse = 1 / (q + terms), power = TK_FN(whole_power)(inverse, s - 1);
    sum += power / (s - 1.0) + power * inverse * 0.5;
    V factor = s * power * inverse * inverse;
    for (int j = 0; j < 8; j++) {
        sum += series[j] * factor;
        factor *= inverse * inverse * ((s + 2.0 * j + 1) * (s + 2.0 * j + 2));
    }
    return sum;
}

/* The n-th derivative of digamma, n >= 1: (-1)^(n+1) n! zeta(n + 1, x). Below 0 the terms over all
 * integers less those below x, which are two values above 0 each; of the first derivative their sum
 * is (pi / sin(pi x))^2. Poles have the sign from above. */
TK_OUTLINE V TK_FN(polygamma_vector)(V x, double order)
{
    const int n = (int)order; /* the op keeps it within 1001 */
    const double odd = n % 2 ? 1 : -1;
    double factorial = 1;
    for (int i = 2; i <= n && factorial < (double)INFINITY; i++)
        factorial *= i;
    M left = ~(x > (V){0});
    V sum = TK_FN(zeta_vector)(v_select(left, 1 - x, x), n + 1);
    if (v_any(left)) {
        V fraction = x - v_floor(x), all;
        if (n == 1) {
            V sine = v_sin(M_PI * (x - v_rint(x)));
            all = v_set(M_PI * M_PI) / (sine * sine);
        } else {
            all = TK_FN(zeta_vector)(fraction, n + 1) +
                  odd * TK_FN(zeta_vector)(1 - fraction, n + 1);
        }
        V pole = v_select(v_isnan(x) | (x == v_set(-INFINITY)), v_set(NAN), v_set(INFINITY));
        sum = v_select(left, v_select(fraction > (V){0}, all - odd * sum, pole), sum);
    }
    return odd * factorial * sum;
}
#else
/* in double precision, half of the lanes at a time */
TK_INLINE V TK_FN(digamma_vector)(V x)
{
    return v_narrow(digamma_vector_f64(v_widen(x, 0)), digamma_vector_f64(v_widen(x, 1)));
}

TK_INLINE V TK_FN(polygamma_vector)(V x, double n)
{
    return v_narrow(polygamma_vector_f64(v_widen(x, 0), n), polygamma_vector_f64(v_widen(x, 1), n));
}
#endif

/* The inverse of erf, x P(w), w = -log(1 - x^2): the variable of Giles (2010), with fits of their
 * own to w and, where it is large, to its root. */
#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
TK_INLINE V TK_FN(inverse_erf_near)(V w)
{
    V u = w - 3.125;
    V p = -0x1.fff86dfa31df1p-69 * u - 0x1.8da4340914b35p-63;
    p = p * u + 0x1.77554e51c2ec1p-60;
    p = p * u + 0x1.9b7b22caaa7f2p-57;
    p = p * u - 0x1.329f6e960988cp-53;
    p = p * u + 0x1.849d352b67322p-56;
    p = p * u + 0x1.ddf48b3159c4ep-48;
    p = p * u - 0x1.6d365a5856331p-45;
    p = p * u - 0x1.6ef2dbcbbcf13p-44;
    p = p * u + 0x1.72a26d5e11377p-39;
    p = p * u - 0x1.c887a94cae05cp-37;
    p = p * u - 0x1.dc584dfe91c12p-35;
    p = p * u + 0x1.20f48c02c86bcp-30;
    p = p * u - 0x1.1a9e3887a9acp-28;
    p = p * u - 0x1.f36cd9188e5e8p-26;
    p = p * u + 0x1.c6b4f5ce5f6b5p-22;
    p = p * u - 0x1.6e8a542764d0cp-20;
    p = p * u - 0x1.d1d1f7b869d2cp-17;
    p = p * u + 0x1.879c2a211948p-13;
    p = p * u - 0x1.845769484fcefp-11;
    p = p * u - 0x1.8b6c33114f4e9p-8;
    p = p * u + 0x1.ebd80d9b13e28p-3;
    p = p * u + 0x1.a755e7c99ae86p0;
    return p;
}

TK_INLINE V TK_FN(inverse_erf_between)(V root)
{
    V u = root - 3.25;
    V p = 0x1.d12460e971f4fp-30 * u + 0x1.85af0c48c088ap-24;
    p = p * u - 0x1.25fc98c2b6641p-22;
    p = p * u + 0x1.3a5c7560aaaep-26;
    p = p * u + 0x1.92fa36431c5e4p-20;
    p = p * u - 0x1.0d5ea3c6f971ap-18;
    p = p * u + 0x1.8880db69f3577p-19;
    p = p * u + 0x1.a29a457a86d01p-17;
    p = p * u - 0x1.8cefd92546d2fp-15;
    p = p * u + 0x1.1e684b1ce8c71p-14;
    p = p * u + 0x1.932d269795e1ep-16;
    p = p * u - 0x1.7448a88c1aa07p-12;
    p = p * u + 0x1.f3cc555985908p-11;
    p = p * u - 0x1.ba92413353862p-10;
    p = p * u + 0x1.468eeca6aa0dp-9;
    p = p * u - 0x1.ebadabb890136p-9;
    p = p * u + 0x1.5ffcfe5b70bc5p-8;
    p = p * u + 0x1.0158a6d641d39p0;
    p = p * u + 0x1.8abcc380d5a48p1;
    return p;
}

TK_INLINE V TK_FN(inverse_erf_far)(V w)
{
    V root = v_sqrt(w), u = root - 5;
    V p = -0x1.a7b848e761553p-39 * u - 0x1.12078a59a1592p-32;
    p = p * u + 0x1.8407d4389f5f8p-30;
    p = p * u - 0x1.06164a01feacap-28;
    p = p * u + 0x1.0afdff1ee91fp-27;
    p = p * u - 0x1.005de0a1ec197p-26;
    p = p * u + 0x1.f2898acbd442bp-26;
    p = p * u - 0x1.22f2561db6384p-24;
    p = p * u + 0x1.ebe95c3d96d0dp-23;
    p = p * u - 0x1.0a8c6a5106ed1p-20;
    p = p * u + 0x1.2fbce97a27c5ap-18;
    p = p * u - 0x1.4a349abbf1035p-16;
    p = p * u + 0x1.3ebf4f2a2fd8ap-14;
    p = p * u - 0x1.c2f36a8747451p-13;
    p = p * u - 0x1.22ea5df2e28dap-13;
    p = p * u + 0x1.02a30d1fba0bfp0;
    p = p * u + 0x1.3664ddd1ad7fbp2;
    return v_less(root, v_set(4), TK_FN(inverse_erf_between)(root), p);
}
#define NEAR 6.25
#else
TK_INLINE V TK_FN(inverse_erf_near)(V w)
{
    V u = w - 2.5f;
    V p = 0x1.df8802p-26f * u + 0x1.7069d8p-22f;
    p = p * u - 0x1.d89888p-19f;
    p = p * u - 0x1.269d3ep-18f;
    p = p * u + 0x1.ca60e2p-13f;
    p = p * u - 0x1.48a846p-10f;
    p = p * u - 0x1.11c9a6p-8f;
    p = p * u + 0x1.f91ec8p-3f;
    p = p * u + 0x1.805c5ep0f;
    return p;
}

TK_INLINE V TK_FN(inverse_erf_far)(V w)
{
    V u = v_sqrt(w) - 3;
    V p = -0x1.599ebcp-13f * u + 0x1.61c04cp-14f;
    p = p * u + 0x1.545548p-10f;
    p = p * u - 0x1.df614ep-9f;
    p = p * u + 0x1.79bdap-8f;
    p = p * u - 0x1.f3cf0cp-8f;
    p = p * u + 0x1.35295cp-7f;
    p = p * u + 0x1.006dbap0f;
    p = p * u + 0x1.6a9efep1f;
    return p;
}
#define NEAR 5
#endif

TK_INLINE V TK_FN(inverse_erf)(V x)
{
    const V one = v_set(1), a = v_abs(x);
    V w = -v_log((one - a) * (one + a)), p = TK_FN(inverse_erf_near)(w);
    if (v_any(w > NEAR))
        p = v_less(v_set(NEAR), w, TK_FN(inverse_erf_far)(w), p);
    return v_select(a == one, v_copysign(v_set((T)INFINITY), x), x * p);
}
#undef NEAR

/* sqrt(x^2 + y^2) without overflow; infinite if either is, also beside a NaN. */
TK_INLINE V TK_FN(hypotenuse)(V x, V y)
{
    const V infinite = v_set((T)INFINITY), a = v_abs(x), b = v_abs(y);
    V large = v_max(a, b), ratio = v_min(a, b) / large;
    V h = v_select(large == (V){0}, large, large * v_sqrt(v_set((T)1) + ratio * ratio));
    return v_select((a == infinite) | (b == infinite), infinite, h);
}

/* max + log(1 + exp(-|x - y|)) and the same to base 2; infinities of one sign stay. */
TK_INLINE V TK_FN(log_sum)(V x, V y, const int base2)
{
    V large = v_max(x, y), d = v_abs(x - y);
    V tail = base2 ? v_log1p(v_exp2(-d)) * v_set((T)1.4426950408889634074) : v_softplus(-d);
    return v_select(v_abs(large) == v_set((T)INFINITY), large, large + tail);
}

/* v_expm1 of x <= 0, to the bit, where 2^n needs no halves to stay in range */
TK_INLINE V TK_FN(expm1_below)(V x)
{
    const V nearly = v_set(sizeof(T) == 8 ? (T)-0x1p-54 : (T)-0x1p-25); /* 0: the result is x */
    V t, r = v_exp_reduce(v_at_least(x, -40), &t), power = v_pow2(t);
    V y = v_expm1_poly(r) * power + (power - 1);
    return v_less(nearly, x, x, y);
}

/* sin(pi x) / (pi x) */
TK_INLINE V TK_FN(cardinal_sine)(V x)
{
    V angle = x * v_set((T)3.14159265358979323846);
    return v_select(x == (V){0}, v_set((T)1), v_sin(angle) / angle);
}
