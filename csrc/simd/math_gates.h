/* gelu, its other form and their slopes in double precision where |x| is large; included by
 * curves.h. The product with x comes before it is scaled, for a subnormal gate has few digits. */

/* factor e / (1 + e) with e = exp(z + rest), z <= -9: e less a small part of it */
TK_INLINE V v_gate(V factor, V z, V rest)
{
    V t, r = v_exp_reduce_sum(v_at_least(z, TK_GATE_LEAST), rest, &t);
    V p = v_expm1_poly(r), e = v_scale(1 + p, t);
    return v_scale(factor * (p - (1 + p) * (e / (1 + e))) + factor, t);
}

/* x times the normal distribution function */
TK_INLINE V v_gelu_formula(V x)
{
    V part = v_normal_tail(x, v_at_most(v_at_least(x, -39), 39));
    return v_less(v_set(0), x, x - part, part);
}

/* the distribution function plus x times the density, which is 0 where x is infinite */
TK_INLINE V v_gelu_slope_formula(V x)
{
    V tail = v_normal_tail(x, v_set(1)), y = v_less(x, v_set(0), tail, 1 - tail);
    V density = (T)0.39894228040143267794 * v_exp((T)-0.5 * x * x);
    return y + v_select(density == 0, v_set(0), x * density);
}

/* x sigmoid(z), z = x (k + c x^2): tanh's form, Hendrycks and Gimpel 2016, eq. 2, without the
 * cancellation of 1 + tanh; above 0 it is x less what is missing. z is computed with what its
 * roundings lose, for exp makes an error of it 100 times as large. */
#define TK_GELU_K 1.5957691216057307117597842397375L /* 2 sqrt(2 / pi) */
#define TK_GELU_C 0.071354816272600248776338752279863541L /* 0.044715 k */
TK_INLINE V v_gelu_tanh_formula(V x)
{
    const T k = (T)TK_GELU_K, c = (T)TK_GELU_C;
    const T k_rest = (T)(TK_GELU_K - (long double)k), c_rest = (T)(TK_GELU_C - (long double)c);
    V a = v_at_most(v_abs(x), 30), square = a * a;
    V square_rest = v_fma(a, a, -square), part = v_fma(v_set(c), square, v_set(0));
    V slope = part + k, back = slope - part; /* two-sum, Knuth */
    V slope_rest = (part - (slope - back)) + (k - back) + v_fma(v_set(c), square, -part);
    slope_rest += c * square_rest + (c_rest * square + k_rest);
    V z = a * slope, rest = v_fma(a, slope, -z) + a * slope_rest;
    return v_at_least(x, -0.0) - v_gate(a, -z, -rest);
}

/* sigmoid(z) + x sigmoid(z) (1 - sigmoid(z)) z', where the last factor is 0 if a gate is shut or
 * open */
TK_INLINE V v_gelu_tanh_slope_formula(V x)
{
    const T k = (T)TK_GELU_K, c = (T)TK_GELU_C;
    V square = x * x, s = v_sigmoid(x * (k + c * square)), rest = s * (1 - s);
    return s + v_select(rest == 0, v_set(0), x * rest * (k + 3 * c * square));
}
#undef TK_GELU_K
#undef TK_GELU_C
