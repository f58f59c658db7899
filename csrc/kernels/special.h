/* Special functions of map.h, once per floating type. Those without a vector form are computed lane
 * by lane in double, so float32 results are within 1 ulp; float64 ones within 1e-15 of the largest
 * intermediate value, which near a zero of the function is more than an ulp. */

/* ln |Gamma(x)|; the sign libm also finds is kept off its global variable. */
TK_OUTLINE T TK_FN(lgamma_one)(T x)
{
    int sign;
    return (T)lgamma_r((double)x, &sign);
}

/* The derivative of ln Gamma. Below 0 by reflection, psi(1 - x) - pi / tan(pi x), then upwards by
 * psi(x) = psi(x + 1) - 1 / x until the asymptotic series holds; Abramowitz and Stegun 6.3.5-18. */
TK_OUTLINE T TK_FN(digamma_one)(T lane)
{
    static const double series[] = {1 / 12.0, -1 / 120.0,     1 / 252.0, -1 / 240.0,
                                    1 / 132.0, -691 / 32760.0, 1 / 12.0};
    double x = (double)lane, sum = 0, power = 1;
    if (x == 0)
        return (T)copysign((double)INFINITY, -x);
    if (x < 0) {
        double fraction = x - rint(x); /* exact, and small where tan is steep */
        if (fraction == 0 || isnan(fraction))
            return (T)NAN;
        sum -= M_PI / tan(M_PI * fraction);
        x = 1 - x;
    }
    for (; x < 10; x++)
        sum -= 1 / x;
    if (x == (double)INFINITY)
        return (T)x;
    sum += log(x) - 0.5 / x;
    for (int i = 0; i < 7; i++)
        sum -= series[i] * (power /= x * x);
    return (T)sum;
}

/* Hurwitz's zeta function of an integer s > 1 and q > 0: terms up to q >= 15, then the formula of
 * Euler and Maclaurin; NIST DLMF 25.11.5 and 2.10.1. */
TK_OUTLINE double TK_FN(zeta_above)(double s, double q)
{
    static const double series[] = {1 / 12.0,
                                    -1 / 720.0,
                                    1 / 30240.0,
                                    -1 / 1209600.0,
                                    1 / 47900160.0,
                                    -691 / 1307674368000.0,
                                    1 / 74724249600.0,
                                    -3617 / 10670622842880000.0};
    double sum = 0;
    for (; q < 15; q++)
        sum += pow(q, -s);
    if (q == (double)INFINITY)
        return sum;
    double power = pow(q, -s), factor = s * power / q;
    sum += q * power / (s - 1) + power / 2;
    for (int j = 0; j < 8; j++) {
        sum += series[j] * factor;
        factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
    }
    return sum;
}

/* The n-th derivative of digamma, n >= 1: (-1)^(n+1) n! zeta(n + 1, x). Below 0 the terms over all
 * integers less those below x, which are two values above 0 each. Poles have the sign from above. */
TK_OUTLINE T TK_FN(polygamma_one)(T lane, T order)
{
    double x = (double)lane, n = (double)order, odd = fmod(n, 2) ? 1 : -1, sum;
    if (x > 0)
        sum = TK_FN(zeta_above)(n + 1, x);
    else {
        double fraction = x - floor(x);
        if (!(fraction > 0))
            return (T)(x == x && x != -(double)INFINITY ? odd * (double)INFINITY : (double)NAN);
        sum = TK_FN(zeta_above)(n + 1, fraction) +
              odd * (TK_FN(zeta_above)(n + 1, 1 - fraction) - TK_FN(zeta_above)(n + 1, 1 - x));
    }
    return (T)(odd * tgamma(n + 1) * sum);
}

/* The inverse of erf: the closed form of Winitzki (2008), off by 0.2%, and two of Halley's steps,
 * each of which cubes the error; by erfc where erf is flat. Within 3 ulp. */
TK_INLINE V TK_FN(inverse_erf)(V x)
{
    const V one = v_set((T)1), a = v_abs(x);
    V l = v_log1p(-a * a), b = v_set((T)4.3307467508) + l * v_set((T)0.5);
    V c = l * v_set((T)-6.8027210884); /* 2 / (pi 0.147) and 1 / 0.147 */
    V y = v_sqrt(c / (v_sqrt(b * b + c) + b));
    for (int i = 0; i < 2; i++) {
        V miss = v_select(a < v_set((T)0.5), v_erf(y) - a, (one - a) - v_erfc(y));
        V u = miss * v_set((T)0.88622692545275801365) * v_exp(y * y); /* over 2/sqrt(pi) exp(-y^2) */
        y -= u / (one + y * u);
    }
    y = v_select(a == one, v_set((T)INFINITY), y);
    y = v_select(a == (V){0}, a, y);
    return v_copysign(v_select(a <= one, y, v_set((T)NAN)), x);
}

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
    V large = v_max(x, y), d = -v_abs(x - y);
    V tail = base2 ? v_log1p(v_exp2(d)) * v_set((T)1.4426950408889634074) : v_softplus(d);
    return v_select(v_abs(large) == v_set((T)INFINITY), large, large + tail);
}

/* sin(pi x) / (pi x) */
TK_INLINE V TK_FN(cardinal_sine)(V x)
{
    V angle = x * v_set((T)3.14159265358979323846);
    return v_select(x == (V){0}, v_set((T)1), v_sin(angle) / angle);
}
