/* Elementary functions in double precision; included by math.h. */

TK_INLINE V v_exp(V x)
{
    return v_each1(x, exp);
}

TK_INLINE V v_exp2(V x)
{
    return v_each1(x, exp2);
}

TK_INLINE V v_expm1(V x)
{
    return v_each1(x, expm1);
}

TK_INLINE V v_log(V x)
{
    return v_each1(x, log);
}

TK_INLINE V v_log2(V x)
{
    return v_each1(x, log2);
}

TK_INLINE V v_log10(V x)
{
    return v_each1(x, log10);
}

TK_INLINE V v_log1p(V x)
{
    return v_each1(x, log1p);
}

TK_INLINE V v_sin(V x)
{
    return v_each1(x, sin);
}

TK_INLINE V v_cos(V x)
{
    return v_each1(x, cos);
}

TK_INLINE V v_tan(V x)
{
    return v_each1(x, tan);
}

TK_INLINE V v_tanh(V x)
{
    return v_each1(x, tanh);
}

TK_INLINE V v_erf(V x)
{
    return v_each1(x, erf);
}

TK_INLINE V v_erfc(V x)
{
    return v_each1(x, erfc);
}

TK_INLINE V v_atan(V x)
{
    return v_each1(x, atan);
}

TK_INLINE V v_asin(V x)
{
    return v_each1(x, asin);
}

TK_INLINE V v_acos(V x)
{
    return v_each1(x, acos);
}

TK_INLINE V v_sinh(V x)
{
    return v_each1(x, sinh);
}

TK_INLINE V v_cosh(V x)
{
    return v_each1(x, cosh);
}

TK_INLINE V v_asinh(V x)
{
    return v_each1(x, asinh);
}

TK_INLINE V v_acosh(V x)
{
    return v_each1(x, acosh);
}

TK_INLINE V v_atanh(V x)
{
    return v_each1(x, atanh);
}

TK_INLINE V v_pow(V x, V y)
{
    return v_each2(x, y, pow);
}

TK_INLINE V v_atan2(V y, V x)
{
    return v_each2(y, x, atan2);
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
