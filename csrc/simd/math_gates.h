/* Activations that are x times a gate from 0 to 1; included by math_float.h and math_double.h. The
 * product is taken before it is scaled, for a subnormal gate has few digits. */

/* factor e / (1 + e) with e = exp(z + rest); exp(40) is as good as more */
TK_INLINE V v_gate(V factor, V z, V rest)
{
    V t, r = v_exp_reduce(v_at_most(v_at_least(z, TK_GATE_LEAST), 40), &t);
    V p = v_exp_poly(r + rest);
    return v_scale(factor * p / (1 + v_scale(p, t)), t);
}

TK_INLINE V v_silu(V x)
{
    return v_gate(v_at_least(x, TK_GATE_LEAST), x, v_set(0));
}

/* x times the normal distribution function */
TK_INLINE V v_gelu(V x)
{
    V part = v_normal_tail(x, v_at_most(v_at_least(x, -39), 39));
    return v_less(v_set(0), x, x - part, part);
}

/* x sigmoid(z), z = x (k + c x^2): tanh's form, Hendrycks and Gimpel 2016, eq. 2, without the
 * cancellation of 1 + tanh. z is computed with what its roundings lose, for exp makes an error of
 * it 100 times as large. */
#define TK_GELU_K 1.5957691216057307117597842397375L /* 2 sqrt(2 / pi) */
#define TK_GELU_C 0.071354816272600248776338752279863541L /* 0.044715 k */
TK_INLINE V v_gelu_tanh(V x)
{
    const T k = (T)TK_GELU_K, c = (T)TK_GELU_C;
    const T k_rest = (T)(TK_GELU_K - (long double)k), c_rest = (T)(TK_GELU_C - (long double)c);
    V low = v_at_least(x, -30), y = v_at_most(low, 30), square = y * y;
    V square_rest = v_fma(y, y, -square), part = v_fma(v_set(c), square, v_set(0));
    V slope = part + k, back = slope - part; /* two-sum, Knuth */
    V slope_rest = (part - (slope - back)) + (k - back) + v_fma(v_set(c), square, -part);
    slope_rest += c * square_rest + (c_rest * square + k_rest);
    V z = y * slope, rest = v_fma(y, slope, -z) + y * slope_rest;
    return v_gate(low, z, rest);
}
#undef TK_GELU_K
#undef TK_GELU_C
