/* Elementary functions in single precision; included by math.h. */

TK_INLINE V v_exp(V x)
{
    return v_each1(x, expf);
}

TK_INLINE V v_exp2(V x)
{
    return v_each1(x, exp2f);
}

TK_INLINE V v_expm1(V x)
{
    return v_each1(x, expm1f);
}

TK_INLINE V v_log(V x)
{
    return v_each1(x, logf);
}

TK_INLINE V v_log2(V x)
{
    return v_each1(x, log2f);
}

TK_INLINE V v_log10(V x)
{
    return v_each1(x, log10f);
}

TK_INLINE V v_log1p(V x)
{
    return v_each1(x, log1pf);
}

TK_INLINE V v_sin(V x)
{
    return v_each1(x, sinf);
}

TK_INLINE V v_cos(V x)
{
    return v_each1(x, cosf);
}

TK_INLINE V v_tan(V x)
{
    return v_each1(x, tanf);
}

TK_INLINE V v_tanh(V x)
{
    return v_each1(x, tanhf);
}

TK_INLINE V v_erf(V x)
{
    return v_each1(x, erff);
}

TK_INLINE V v_erfc(V x)
{
    return v_each1(x, erfcf);
}

TK_INLINE V v_atan(V x)
{
    return v_each1(x, atanf);
}

TK_INLINE V v_asin(V x)
{
    return v_each1(x, asinf);
}

TK_INLINE V v_acos(V x)
{
    return v_each1(x, acosf);
}

TK_INLINE V v_sinh(V x)
{
    return v_each1(x, sinhf);
}

TK_INLINE V v_cosh(V x)
{
    return v_each1(x, coshf);
}

TK_INLINE V v_asinh(V x)
{
    return v_each1(x, asinhf);
}

TK_INLINE V v_acosh(V x)
{
    return v_each1(x, acoshf);
}

TK_INLINE V v_atanh(V x)
{
    return v_each1(x, atanhf);
}

TK_INLINE V v_pow(V x, V y)
{
    return v_each2(x, y, powf);
}

TK_INLINE V v_atan2(V y, V x)
{
    return v_each2(y, x, atan2f);
}

/* 1 / (1 + exp(-x)), from exp(-|x|), which cannot overflow */
TK_INLINE V v_sigmoid(V x)
{
    V e = v_exp(-v_abs(x));
    return v_select(x < 0, e, v_set(1)) / (1 + e);
}

/* log(1 + exp(x)) */
TK_INLINE V v_softplus(V x)
{
    return v_log1p(v_exp(-v_abs(x))) + v_max(x, v_set(0));
}
